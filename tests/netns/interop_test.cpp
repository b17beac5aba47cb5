// The other host has no fanctl: only `ip` and `bridge` of a stock distribution. What is on the wire is docs/wire.md,
// and nothing else.
#include <gtest/gtest.h>

#include "fan_pair.h"

namespace fan::test {
namespace {

class Interop : public OverEach {
protected:
  // Host b by hand: slice 250.0.28.0/24 on a bridge of its own.
  static void set_up_by_hand(const Host& b) {
    b.ip({"link add br0 mtu 1400 type bridge forward_delay 0", "addr add 250.0.28.1/24 dev br0", "link set br0 up"});
    b.set_sysctl("net/ipv4/ip_forward", "1");
    if (GetParam() == Encapsulation::ipip) {
      b.ip({"link add plain type ipip local 172.30.0.28 remote 172.30.0.27", "link set plain up",
            "route add 250.0.27.0/24 dev plain src 250.0.28.1"});
      return;
    }
    // The address of the device is what fanctl writes as inner destination; what is written towards fanctl is any
    // unicast one. Without noudpcsum such a device writes UDP checksums, which version 1 has none of.
    b.ip({"link add plain address 02:fa:ff:ff:ff:fe type vxlan id 16384001 dstport 8472 local 172.30.0.28 dev eth0 "
          "nolearning noudpcsum",
          "link set plain up", "route add 250.0.27.0/24 via 192.0.0.8 dev plain onlink src 250.0.28.1",
          "neigh add 192.0.0.8 lladdr 0e:11:22:33:44:55 dev plain nud permanent"});
    b.must({"bridge", "fdb", "add", "0e:11:22:33:44:55", "dev", "plain", "dst", "172.30.0.27", "static"});
  }
};
FAN_OVER_EACH(Interop);

TEST_P(Interop, AHostSetUpWithStockCommandsAndAFanReachEachOther) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  set_up_by_hand(fans.b);
  const Container a = fans.container_a();
  Container b(fans.b, "br0");
  b.address("250.0.28.2/24", *Address::parse("250.0.28.1"));
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_TRUE(pings(b, at_a));
  EXPECT_TRUE(pings(fans.a, at_b)) << "host to container";
  EXPECT_TRUE(pings(fans.b, at_a)) << "container to host by hand";
  EXPECT_TRUE(pings(fans.b, *Address::parse("250.0.27.1")));
}

} // namespace
} // namespace fan::test
