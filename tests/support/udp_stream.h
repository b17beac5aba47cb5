// A stream of numbered datagrams between two namespaces, which knows what was lost on the way.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "core/address.h"
#include "support/netns.h"

namespace fan::test {

struct UdpStreamOptions {
  int per_second = 1000;
  std::size_t size = 100; // bytes of payload, at least 8
  std::uint16_t port = 7007;
};

struct UdpStreamReport {
  std::uint64_t sent = 0;     // went out without an error
  std::uint64_t refused = 0;  // send() gave an error; the number is not used again
  std::string last_error;     // of those
  std::uint64_t received = 0; // distinct numbers
  std::uint64_t lost = 0;     // sent - received
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;      // came after a higher number
  std::uint64_t foreign_source = 0; // came from another address than the first one's (translated on the way)
  Address source;                   // of the first one received
};

class UdpStream {
public:
  UdpStream(const Netns& from, const Netns& to, Address destination, const UdpStreamOptions& options = {});
  ~UdpStream();
  UdpStream(const UdpStream&) = delete;
  UdpStream& operator=(const UdpStream&) = delete;

  // True when `n` distinct datagrams have arrived in time.
  [[nodiscard]] bool reached(std::uint64_t n, std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;
  // Stops sending, waits until all is there or nothing more has come for a second, and reports.
  UdpStreamReport stop();

private:
  void send_loop(const std::stop_token& stop);
  void receive_loop(const std::stop_token& stop);

  UdpStreamOptions options_;
  Address destination_;
  int sender_ = -1;
  int receiver_ = -1;
  UdpStreamReport report_; // each field is written by one thread only, and read after both ended
  std::atomic<std::uint64_t> received_{0};
  std::vector<bool> seen_;
  std::jthread sending_;
  std::jthread receiving_;
};

} // namespace fan::test
