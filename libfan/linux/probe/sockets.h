// Raw and packet sockets of the network namespace that the calling thread is in, and waiting for what comes in at
// several of them. May not: know what is asked by them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/result.h"
#include "linux/probe/answers.h"

namespace fan::probe {

class Socket {
public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // IPv4, from `source`: `type` SOCK_RAW with an IP protocol, or SOCK_DGRAM with UDP. Errors of the network come back.
  static Result<Socket> ip(int type, int protocol, Address source);
  // Everything of an Ethernet protocol that comes in by `device`, without the Ethernet header.
  static Result<Socket> packets(const std::string& device, std::uint16_t ethertype);

  // The same of a port of a bridge, from which the bridge takes what others would hear.
  static Result<Socket> port_packets(const std::string& port, std::uint16_t ethertype);

  Result<void> set(int level, int option, int value) const;
  // errno, 0 when it was sent. `port` in host byte order, 0 for raw sockets.
  [[nodiscard]] int send(const Bytes& bytes, Address to, std::uint16_t port) const;
  // By a packet socket, to all of its segment.
  [[nodiscard]] int broadcast(const Bytes& bytes, std::uint16_t ethertype, const std::string& device) const;
  // What has come in; does not wait. Empty: nothing more.
  [[nodiscard]] Bytes receive() const;
  // The next of the errors about what was sent; false: none.
  [[nodiscard]] bool next_error(SentError& into) const;

  // These take what there is one after the other, but no more of it than `most_at_once`: under a flood there is always
  // more, and whoever looks has to see the time.
  static constexpr int most_at_once = 64;
  template <class Take>
  void take_received(Take take) const {
    for (int n = 0; n < most_at_once; ++n) {
      const Bytes bytes = receive();
      if (bytes.empty()) {
        return;
      }
      take(bytes);
    }
  }
  template <class Take>
  void take_errors(Take take) const {
    SentError error;
    for (int n = 0; n < most_at_once && next_error(error); ++n) {
      take(error);
    }
  }
  [[nodiscard]] int fd() const { return fd_; }

private:
  int fd_;
};

// Calls `look` whenever one of the sockets may have something, until it returns true or the time is over.
void wait_for(std::span<const Socket* const> sockets, std::chrono::milliseconds most,
              const std::function<bool()>& look);

// RFC 1071, for a header whose checksum field is 0.
std::uint16_t checksum(std::span<const std::uint8_t> bytes);

} // namespace fan::probe
