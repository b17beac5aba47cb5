#include "support/capture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

namespace fan::test {
namespace {

std::uint16_t get16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return at + 2 <= bytes.size() ? static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]) : std::uint16_t{0};
}

Address address_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  return Address((std::uint32_t{get16(bytes, at)} << 16U) | get16(bytes, at + 2));
}

std::uint16_t port_at(std::span<const std::uint8_t> packet, std::size_t offset) {
  if (packet.size() < 20 || (packet[9] != protocol_udp && packet[9] != IPPROTO_TCP))
    return 0;
  return get16(packet, (packet[0] & 0xfU) * 4U + offset);
}

} // namespace

std::span<const std::uint8_t> Frame::ipv4() const {
  const std::size_t offset = has_ethernet ? 14 : 0;
  if (bytes.size() < offset + 20 || (has_ethernet && get16(bytes, 12) != ETH_P_IP))
    return {};
  const auto packet = bytes.subspan(offset);
  return packet[0] >> 4U == 4 ? packet : std::span<const std::uint8_t>{};
}

Address Frame::source() const {
  return address_at(ipv4(), 12);
}
Address Frame::destination() const {
  return address_at(ipv4(), 16);
}
std::uint8_t Frame::protocol() const {
  return ipv4().empty() ? std::uint8_t{0} : ipv4()[9];
}
std::uint8_t Frame::ttl() const {
  return ipv4().empty() ? std::uint8_t{0} : ipv4()[8];
}
bool Frame::dont_fragment() const {
  return (get16(ipv4(), 6) & 0x4000U) != 0;
}
std::uint16_t Frame::source_port() const {
  return port_at(ipv4(), 0);
}
std::uint16_t Frame::destination_port() const {
  return port_at(ipv4(), 2);
}

Capture::Capture(const Netns& netns, const std::string& device, Predicate predicate)
    : predicate_(std::move(predicate)) {
  const Inside here(netns);
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  ifreq request{};
  device.copy(request.ifr_name, sizeof request.ifr_name - 1);
  if (ioctl(fd_, SIOCGIFHWADDR, &request) == 0)
    has_ethernet_ = request.ifr_hwaddr.sa_family == ARPHRD_ETHER || request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_protocol = htons(ETH_P_ALL);
  link.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  EXPECT_TRUE(link.sll_ifindex > 0 && bind(fd_, reinterpret_cast<sockaddr*>(&link), sizeof link) == 0)
      << "cannot capture on " << device << ": " << strerror(errno);
  const int room = 8 << 20;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

Capture::~Capture() {
  thread_.request_stop();
  thread_.join();
  close(fd_);
}

void Capture::loop(const std::stop_token& stop) {
  std::array<std::uint8_t, 65536> buffer{};
  while (!stop.stop_requested()) {
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0)
      continue;
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    const ssize_t n =
        recvfrom(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
    if (n <= 0)
      continue;
    const Frame frame{{buffer.data(), static_cast<std::size_t>(n)}, from.sll_pkttype == PACKET_OUTGOING, has_ethernet_};
    if (!predicate_(frame))
      continue;
    const std::lock_guard lock(mutex_);
    if (kept_.size() < 64)
      kept_.emplace_back(frame.bytes.begin(), frame.bytes.end());
    ++count_;
  }
}

bool Capture::reached(std::uint64_t n, std::chrono::milliseconds timeout) const {
  return eventually([&] { return count_ >= n; }, timeout);
}

std::vector<Bytes> Capture::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

} // namespace fan::test
