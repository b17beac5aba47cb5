#include "support/frame_relay.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include <gtest/gtest.h>

namespace fan::test {
namespace {

int frames_of(const std::string& device) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_protocol = htons(ETH_P_ALL);
  link.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  const int on = 1;
  EXPECT_TRUE(fd >= 0 && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) == 0 &&
              setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) == 0 &&
              bind(fd, reinterpret_cast<sockaddr*>(&link), sizeof link) == 0)
      << "cannot relay " << device;
  return fd;
}

// Each frame has a struct virtio_net_hdr in front (its header is not C++), which says what is left to the card.
constexpr std::size_t size_of_header = 10;

void pass_on(int from, int to, bool as_it_is) {
  std::array<std::uint8_t, 65536> frame{};
  for (ssize_t n = 0; (n = recv(from, frame.data(), frame.size(), MSG_DONTWAIT)) > 0;) {
    if (!as_it_is) {
      std::fill_n(frame.begin(), size_of_header, std::uint8_t{0});
    }
    (void)send(to, frame.data(), static_cast<std::size_t>(n), 0);
  }
}

} // namespace

FrameRelay::FrameRelay(const Netns& netns, const std::string& port, const std::string& bridge) {
  netns.ip({"link set " + port + " nomaster promisc on", "link add rly0 type veth peer name rly1",
            "link set rly0 master " + bridge + " up", "link set rly1 promisc on up"});
  const Inside here(netns);
  port_ = frames_of(port);
  bridge_ = frames_of("rly1");
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

FrameRelay::~FrameRelay() {
  thread_.request_stop();
  thread_.join();
  close(port_);
  close(bridge_);
}

void FrameRelay::loop(const std::stop_token& stop) const {
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> ready{{{port_, POLLIN, 0}, {bridge_, POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), 20) > 0) {
      pass_on(port_, bridge_, false);
      pass_on(bridge_, port_, true);
    }
  }
}

} // namespace fan::test
