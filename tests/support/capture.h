// Counts the frames on a device that a predicate likes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/address.h"
#include "support/netns.h"
#include "support/packet.h"

namespace fan::test {

struct Frame {
  std::span<const std::uint8_t>
      bytes; // from the link header (Ethernet devices) or the IP header (tunnel devices without one)
  bool outgoing = false;
  bool has_ethernet = true;

  // The IPv4 packet; empty when it is none.
  [[nodiscard]] std::span<const std::uint8_t> ipv4() const;
  // The fields below are of that packet; zero without one. Ports are zero unless it is UDP or TCP.
  [[nodiscard]] Address source() const;
  [[nodiscard]] Address destination() const;
  [[nodiscard]] std::uint8_t protocol() const;
  [[nodiscard]] std::uint8_t ttl() const;
  [[nodiscard]] bool dont_fragment() const;
  [[nodiscard]] std::uint16_t source_port() const;
  [[nodiscard]] std::uint16_t destination_port() const;
};

class Capture {
public:
  using Predicate = std::function<bool(const Frame&)>;

  // Counts from now on. The first 64 frames are kept.
  Capture(const Netns& netns, const std::string& device, Predicate predicate);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // True when at least `n` came within the time.
  [[nodiscard]] bool reached(std::uint64_t n, std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;
  [[nodiscard]] std::vector<Bytes> kept() const;

private:
  void loop(const std::stop_token& stop);
  int fd_ = -1;
  bool has_ethernet_ = true;
  Predicate predicate_;
  std::atomic<std::uint64_t> count_{0};
  mutable std::mutex mutex_;
  std::vector<Bytes> kept_;
  std::jthread thread_;
};

} // namespace fan::test
