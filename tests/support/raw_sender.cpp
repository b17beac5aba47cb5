#include "support/raw_sender.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

namespace fan::test {

RawSender RawSender::frames(const Netns& netns, const std::string& device) {
  const Inside here(netns);
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  const int index = static_cast<int>(if_nametoindex(device.c_str()));
  EXPECT_TRUE(fd >= 0 && index > 0) << "cannot send on " << device << ": " << strerror(errno);
  return {fd, index};
}

RawSender RawSender::packets(const Netns& netns) {
  const Inside here(netns);
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  EXPECT_GE(fd, 0) << strerror(errno);
  return {fd, 0};
}

RawSender::RawSender(RawSender&& other) noexcept : fd_(std::exchange(other.fd_, -1)), ifindex_(other.ifindex_) {}

RawSender::~RawSender() {
  stop();
  if (fd_ >= 0)
    close(fd_);
}

void RawSender::mark(std::uint32_t mark) const {
  EXPECT_EQ(setsockopt(fd_, SOL_SOCKET, SO_MARK, &mark, sizeof mark), 0) << strerror(errno);
}

int RawSender::send(const Bytes& bytes) {
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_ifindex = ifindex_;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  if (ifindex_ == 0 && bytes.size() >= 20)
    std::memcpy(&in.sin_addr, bytes.data() + 16, 4);
  const bool frame = ifindex_ != 0;
  const auto* to = frame ? reinterpret_cast<const sockaddr*>(&link) : reinterpret_cast<const sockaddr*>(&in);
  const ssize_t n = sendto(fd_, bytes.data(), bytes.size(), 0, to, frame ? sizeof link : sizeof in);
  return n == static_cast<ssize_t>(bytes.size()) ? 0 : errno;
}

void RawSender::start(std::vector<Bytes> bytes, int per_second) {
  sent_ = 0;
  thread_ = std::jthread([this, bytes = std::move(bytes), per_second](const std::stop_token& stop) {
    auto next = std::chrono::steady_clock::now();
    for (std::size_t i = 0; !stop.stop_requested(); ++i) {
      sent_ += send(bytes[i % bytes.size()]) == 0 ? 1U : 0U;
      next += std::chrono::microseconds(1000000 / per_second);
      std::this_thread::sleep_until(next);
    }
  });
}

std::uint64_t RawSender::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  return sent_;
}

} // namespace fan::test
