// Forged packets of every kind, sent from every side at once beside a test's real traffic, and a count of those that
// arrived where they must not. Each packet carries the name of its kind, so a failure says which door is open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "support/forgery.h"
#include "support/netns.h"

namespace fan::test {

// All senders are one thread's work, some hundred packets a second in all (fewer in an emulated machine).
class ForgedTraffic {
public:
  // A sender or a watcher is at work as long as this lives, which may be longer than the ForgedTraffic.
  using Handle = std::shared_ptr<void>;

  ForgedTraffic();
  ~ForgedTraffic();
  ForgedTraffic(const ForgedTraffic&) = delete;
  ForgedTraffic& operator=(const ForgedTraffic&) = delete;

  // Frames out of `device` in `netns`, which stands on one segment with the device of the victim that has the address
  // `to`. `own`: what the sender may be called there.
  Handle from_underlay(const Netns& netns, const std::string& device, Address own, const Mac& to, const Victim& victim);
  // The same, on a segment by which no tunnel packet may come at all: there it also speaks with the peer's own address.
  Handle from_elsewhere(const Netns& netns, const std::string& device, Address own, const Mac& to,
                        const Victim& victim);
  // From processes of the peer that are not the fan: UDP from an ordinary socket, both encapsulations from a raw one.
  Handle from_processes(const Netns& peer, const Victim& victim);
  // From a container of the peer with the address `own`.
  Handle from_container(const Netns& container, Address own, const Victim& victim);

  // Counts what comes in at a device of a container.
  Handle watch_container(const Netns& container, const std::string& device = "eth0");
  // Counts what a service of the host is given, on any of its addresses.
  Handle watch_services(const Netns& host);

  // Nothing is sent while the answer lives: for what is counted to the packet.
  Handle pause();
  // What arrives while the answer lives, and what is on its way when it goes, is not in arrived(): for a test that
  // takes away what stands in their way.
  Handle doors_open();
  // A kind that begins so is not in arrived() any more: the test has let it in.
  void permit(const std::string& beginning);

  // Waits until each packet that is sent by now was sent `times` more, and has arrived if it does.
  void come_round(int times = 1) const;
  // The kinds that arrived, a line each. Empty is what a test expects.
  [[nodiscard]] std::string arrived() const;
  [[nodiscard]] bool arrives(const std::string& part_of_kind) const;
  // Forgets what has arrived so far, and what is on its way.
  void forget();
  // Every kind that was sent.
  [[nodiscard]] std::set<std::string> kinds() const;
  [[nodiscard]] std::uint64_t sent() const;

private:
  struct State;
  std::shared_ptr<State> state_;
};

} // namespace fan::test
