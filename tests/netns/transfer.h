// Bytes from one namespace to another by sockets of the test's own: a bounded TCP transfer, and single datagrams.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/address.h"
#include "support/netns.h"

namespace fan::test {

class Socket {
public:
  Socket(const Netns& netns, int type) {
    const Inside here(netns);
    fd_ = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const timeval patience{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int bind_to(Address address, std::uint16_t port = 0) const {
    const sockaddr_in to = name(address, port);
    return bind(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  [[nodiscard]] int connect_to(Address address, std::uint16_t port) const {
    const sockaddr_in to = name(address, port);
    return connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  // IP_PMTUDISC_DO sets DF and refuses what is known not to fit; IP_PMTUDISC_DONT never sets it.
  void discover(int how) const { EXPECT_EQ(setsockopt(fd_, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof how), 0); }
  // The path MTU that the kernel believes in. Of a connected socket.
  [[nodiscard]] int mtu() const {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd_, IPPROTO_IP, IP_MTU, &value, &length) == 0 ? value : -errno;
  }

private:
  static sockaddr_in name(Address address, std::uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    result.sin_addr.s_addr = htonl(address.v4());
    return result;
  }
  int fd_;
};

inline void send_all(const Socket& out, std::size_t bytes, std::chrono::steady_clock::time_point deadline) {
  const std::vector<char> chunk(65536, 'x');
  while (bytes > 0 && std::chrono::steady_clock::now() < deadline) {
    const ssize_t n = send(out.fd(), chunk.data(), std::min(bytes, chunk.size()), MSG_NOSIGNAL);
    bytes -= n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

// How many of `bytes` arrive over one TCP connection within `patience`. `source`: what the sender binds to.
inline std::size_t tcp_transfer(const Netns& from, const Netns& to, Address destination, std::size_t bytes,
                                std::optional<Address> source = {},
                                std::chrono::milliseconds patience = std::chrono::seconds(in_guest() ? 30 : 10)) {
  constexpr std::uint16_t port = 7100;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const Socket listener(to, SOCK_STREAM);
  const int yes = 1;
  setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  EXPECT_EQ(listener.bind_to(Address(), port), 0);
  EXPECT_EQ(listen(listener.fd(), 1), 0);
  const Socket out(from, SOCK_STREAM);
  if (source && out.bind_to(*source) != 0) {
    return 0;
  }
  if (out.connect_to(destination, port) != 0) {
    return 0;
  }
  const Socket in(accept(listener.fd(), nullptr, nullptr));
  const timeval brief{0, 100000};
  setsockopt(in.fd(), SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
  const std::jthread sending([&] { send_all(out, bytes, deadline); });
  std::size_t got = 0;
  std::vector<char> chunk(65536);
  while (got < bytes && std::chrono::steady_clock::now() < deadline) {
    const ssize_t n = recv(in.fd(), chunk.data(), chunk.size(), 0);
    got += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return got;
}

// One TCP connection that sends for as long as it lives.
class TcpStream {
public:
  TcpStream(const Netns& from, const Netns& to, Address destination)
      : listener_(to, SOCK_STREAM), out_(from, SOCK_STREAM), in_(connected(destination)),
        receiving_([this] { receive(); }), sending_([this](const std::stop_token& stop) { send_until(stop); }) {}

  ~TcpStream() {
    if (receiving_.joinable()) {
      (void)stop();
    }
  }
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  // True when so much more has come that it cannot have been under way, or in a buffer, before.
  [[nodiscard]] bool goes_on() const {
    constexpr std::size_t more_than_is_under_way = 4U << 20U;
    const std::size_t before = got_;
    return eventually([&] { return got_ > before + more_than_is_under_way; }, std::chrono::seconds(60));
  }
  // Ends it. How much was sent and did not come.
  std::size_t stop() { // NOLINT(modernize-use-nodiscard)
    sending_.request_stop();
    sending_.join();
    shutdown(out_.fd(), SHUT_WR);
    receiving_.join();
    return sent_ - got_;
  }

private:
  [[nodiscard]] int connected(Address destination) const {
    constexpr std::uint16_t port = 7101;
    const int small = 256 << 10; // the kernel takes twice that
    setsockopt(listener_.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(out_.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    EXPECT_EQ(listener_.bind_to(Address(), port), 0);
    EXPECT_EQ(listen(listener_.fd(), 1), 0);
    EXPECT_EQ(out_.connect_to(destination, port), 0);
    return accept(listener_.fd(), nullptr, nullptr);
  }
  void send_until(const std::stop_token& stop) {
    const std::vector<char> chunk(65536, 'x');
    while (!stop.stop_requested()) {
      const ssize_t n = send(out_.fd(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) {
        return;
      }
      sent_ += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
  }
  // Until the sender has ended, or nothing comes for long.
  void receive() {
    const timeval patience{60, 0};
    setsockopt(in_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::vector<char> chunk(65536);
    for (ssize_t n = 1; n > 0; got_ += n > 0 ? static_cast<std::size_t>(n) : 0) {
      n = recv(in_.fd(), chunk.data(), chunk.size(), 0);
    }
  }

  std::atomic<std::size_t> sent_{0};
  std::atomic<std::size_t> got_{0};
  Socket listener_;
  Socket out_;
  Socket in_;
  std::jthread receiving_;
  std::jthread sending_;
};

// Sends datagrams of `bytes` until one is refused for its size (EMSGSIZE); false when none is in time. Errors that wait
// on the socket are taken off it, so that they are not the next one's.
inline bool is_told_too_big(const Socket& connected, std::size_t bytes) {
  const std::vector<char> payload(bytes, 'x');
  for (int n = 0; n < 100; ++n) {
    if (send(connected.fd(), payload.data(), payload.size(), 0) < 0 && errno == EMSGSIZE) {
      int waiting = 0;
      socklen_t length = sizeof waiting;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      getsockopt(connected.fd(), SOL_SOCKET, SO_ERROR, &waiting, &length);
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

// How many of `count` datagrams of `bytes` arrive at `port` of `to`.
inline int datagrams_through(const Socket& connected, const Socket& bound, std::size_t bytes, int count) {
  const std::vector<char> payload(bytes, 'x');
  std::vector<char> received(65536);
  int arrived = 0;
  for (int n = 0; n < count; ++n) {
    if (send(connected.fd(), payload.data(), payload.size(), 0) == static_cast<ssize_t>(bytes)) {
      arrived += recv(bound.fd(), received.data(), received.size(), 0) == static_cast<ssize_t>(bytes) ? 1 : 0;
    }
  }
  return arrived;
}

} // namespace fan::test
