#include "support/forged_watch.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

#include "support/forgery.h"

namespace fan::test {
namespace {

// UDP to forged_port, from the IPv4 header on.
const sock_filter to_forged_port[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forged_port, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

void give_room(int fd) {
  const int bytes = 1 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
}

} // namespace

ForgedWatch ForgedWatch::device(const Netns& netns, const std::string& device) {
  const Inside here(netns);
  const int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sock_fprog program{std::size(to_forged_port), const_cast<sock_filter*>(to_forged_port)};
  EXPECT_EQ(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0) << strerror(errno);
  give_room(fd);
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_protocol = htons(ETH_P_IP);
  link.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  EXPECT_TRUE(link.sll_ifindex > 0 && bind(fd, reinterpret_cast<sockaddr*>(&link), sizeof link) == 0)
      << "cannot watch " << device << ": " << strerror(errno);
  return {fd, true};
}

ForgedWatch ForgedWatch::service(const Netns& netns) {
  const Inside here(netns);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  give_room(fd);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(forged_port);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), 0) << strerror(errno);
  return {fd, false};
}

ForgedWatch::ForgedWatch(ForgedWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), is_device_(other.is_device_) {}

ForgedWatch::~ForgedWatch() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

void ForgedWatch::drain(const std::function<void(const std::string&)>& seen) const {
  Bytes buffer(2048);
  while (true) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const ssize_t n =
        recvfrom(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
    if (n < 0) {
      return;
    }
    if (is_device_ && reinterpret_cast<const sockaddr_ll*>(&from)->sll_pkttype == PACKET_OUTGOING) {
      continue;
    }
    const Bytes got(buffer.begin(), buffer.begin() + n);
    const std::string kind =
        is_device_ ? kind_in_packet(got) : kind_in({reinterpret_cast<const char*>(got.data()), got.size()});
    if (!kind.empty()) {
      seen(kind);
    }
  }
}

} // namespace fan::test
