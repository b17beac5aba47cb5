// Sockets of the prober in a network where others send as well.
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "linux/probe/sockets.h"
#include "support/netns.h"

namespace fan::test {
namespace {

using probe::Bytes;
using probe::Socket;

// For each that is read more come: there is no end to it, however fast one reads.
TEST(Prober, AFloodDoesNotOutlastTheTimeForAnAnswer) {
  const Netns netns;
  const Inside inside(netns);
  constexpr Address self{0x7f000001U};
  const Result<Socket> heard = Socket::packets("lo", ETH_P_IP);
  const Result<Socket> sender = Socket::ip(SOCK_DGRAM, IPPROTO_UDP, self);
  ASSERT_TRUE(heard && sender);
  const auto send = [&] { (void)sender->send(Bytes(32), self, 9); };
  send();
  std::uint64_t taken = 0;
  const auto take = [&](const Bytes& bytes) {
    EXPECT_GE(bytes.size(), 60U); // headers and data, or an ICMP error about them
    ++taken;
    send();
  };
  const Socket* const sockets[] = {&*heard};
  const auto begin = std::chrono::steady_clock::now();
  probe::wait_for(sockets, std::chrono::milliseconds(300), [&] {
    heard->take_received(take);
    return false;
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_GT(taken, static_cast<std::uint64_t>(Socket::most_at_once)) << "it was no flood";
}

} // namespace
} // namespace fan::test
