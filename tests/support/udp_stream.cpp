#include "support/udp_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include <gtest/gtest.h>

namespace fan::test {
namespace {

sockaddr_in socket_address(Address address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  result.sin_addr.s_addr = htonl(address.v4());
  return result;
}

int receiver_in(const Netns& netns, std::uint16_t port) {
  const Inside here(netns);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto any = socket_address(Address(), port);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0) << strerror(errno);
  const int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  return fd;
}

} // namespace

UdpStream::UdpStream(const Netns& from, const Netns& to, Address destination, const UdpStreamOptions& options)
    : options_(options), destination_(destination), receiver_(receiver_in(to, options.port)) {
  {
    const Inside here(from);
    sender_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  }
  receiving_ = std::jthread([this](const std::stop_token& stop) { receive_loop(stop); });
  sending_ = std::jthread([this](const std::stop_token& stop) { send_loop(stop); });
}

UdpStream::~UdpStream() {
  stop();
  close(sender_);
  close(receiver_);
}

void UdpStream::send_loop(const std::stop_token& stop) {
  std::vector<char> payload(std::max<std::size_t>(options_.size, sizeof(std::uint64_t)));
  const auto to = socket_address(destination_, options_.port);
  auto next = std::chrono::steady_clock::now();
  for (std::uint64_t number = 0; !stop.stop_requested(); ++number) {
    std::memcpy(payload.data(), &number, sizeof number);
    if (sendto(sender_, payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0) {
      ++report_.sent;
    } else {
      ++report_.refused;
      report_.last_error = strerror(errno);
    }
    next += std::chrono::microseconds(1000000 / options_.per_second);
    std::this_thread::sleep_until(next);
  }
}

void UdpStream::receive_loop(const std::stop_token& stop) {
  std::uint64_t highest = 0;
  std::vector<char> payload(65536);
  while (!stop.stop_requested()) {
    pollfd ready{receiver_, POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0)
      continue;
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t n =
        recvfrom(receiver_, payload.data(), payload.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
    std::uint64_t number = 0;
    if (n < static_cast<ssize_t>(sizeof number))
      continue;
    std::memcpy(&number, payload.data(), sizeof number);
    if (number >= (1U << 28U))
      continue; // not one of ours
    if (number >= seen_.size())
      seen_.resize(number + 4096);
    if (received_ == 0)
      report_.source = Address(ntohl(from.sin_addr.s_addr));
    report_.foreign_source += report_.source == Address(ntohl(from.sin_addr.s_addr)) ? 0U : 1U;
    if (seen_[number]) {
      ++report_.duplicates;
      continue;
    }
    seen_[number] = true;
    report_.reordered += received_ > 0 && number < highest ? 1U : 0U;
    highest = std::max(highest, number);
    ++received_;
  }
}

bool UdpStream::reached(std::uint64_t n, std::chrono::milliseconds timeout) const {
  return eventually([&] { return received_ >= n; }, timeout);
}

UdpStreamReport UdpStream::stop() {
  if (sending_.joinable()) {
    sending_.request_stop();
    sending_.join();
    for (std::uint64_t before = received_ + 1; before != received_ && received_ < report_.sent;) {
      before = received_;
      (void)eventually([&] { return received_ >= report_.sent; }, std::chrono::seconds(1));
    }
    receiving_.request_stop();
    receiving_.join();
    report_.received = received_;
    report_.lost = report_.sent - std::min(report_.sent, report_.received);
  }
  return report_;
}

} // namespace fan::test
