// Forged packets of every kind, sent from every side at once beside a test's real traffic, and a count of those that
// arrived where they must not. Each packet carries the name of its kind, so a failure says which door is open.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/encapsulation.h"
#include "support/capture.h"
#include "support/raw_sender.h"
#include "support/topology.h"

namespace fan::test {

// A host of a fan 250.0.0.0/8 over 172.30.0.0/16, seen from those who mean it ill.
struct Victim {
  Address host;      // 172.30.0.27, its own address in the underlay
  Address elsewhere; // another address of the host, which the fan does not use
  Address gateway;   // 250.0.27.1
  Address container; // 250.0.27.2
  Address peer;      // 172.30.0.28, another host of the fan
  Address far;       // 250.0.28.2, a container of that host
};

class ForgedTraffic {
public:
  // Nothing is sent yet. `encapsulation`: of the fan; packets of the other one are a kind of their own.
  ForgedTraffic(Encapsulation encapsulation, const Victim& victim);
  ~ForgedTraffic();
  ForgedTraffic(const ForgedTraffic&) = delete;
  ForgedTraffic& operator=(const ForgedTraffic&) = delete;

  // Frames out of `device` in `netns`, which stands on one segment with the device of the victim that has the address
  // `to`. `own`: what the sender may be called there. `is_underlay`: false on segments by which no tunnel packet may
  // come at all, and there it also speaks with the peer's own address.
  void from_segment(const Netns& netns, const std::string& device, Address own, const Mac& to, bool is_underlay);
  // From a process of the peer that is not the fan: UDP from an ordinary socket, protocol 4 from a raw one.
  void from_process(const Netns& peer);
  // From a container of the peer with the address `own`.
  void from_container(const Netns& container, Address own);

  // Counts what comes in at a device of a container.
  void watch_container(const Netns& container, const std::string& device = "eth0");
  // Counts what a service of the host is given, on any of its addresses.
  void watch_services(const Netns& host);

  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  // The kinds that arrived, each once. Empty is what a test expects.
  [[nodiscard]] std::set<std::string> arrived() const;
  // Forgets what has arrived so far.
  void forget();
  // Every kind that is sent by now.
  [[nodiscard]] std::set<std::string> kinds() const;

private:
  using Kinds = std::vector<std::pair<std::string, Bytes>>; // name, packet
  [[nodiscard]] Kinds plain(Address own) const;
  [[nodiscard]] Kinds tunnelled(Address own) const;
  [[nodiscard]] Kinds spoken_for_the_peer() const;
  [[nodiscard]] Kinds of_container(Address own) const;
  [[nodiscard]] Bytes inner(const std::string& kind, Address source, Address destination) const;
  [[nodiscard]] Bytes outer(Address source, Address destination, const Bytes& inner_packet) const;
  [[nodiscard]] Bytes outer_payload(const Bytes& inner_packet) const;
  void send(RawSender sender, const Kinds& kinds, const Mac* to);
  bool count(const std::string& kind);

  Encapsulation encapsulation_;
  Victim victim_;
  std::deque<RawSender> senders_;
  std::deque<std::jthread> threads_;
  std::deque<Capture> captures_;
  std::atomic<std::uint64_t> sent_{0};
  mutable std::mutex mutex_;
  std::set<std::string> arrived_;
  std::set<std::string> kinds_;
};

} // namespace fan::test
