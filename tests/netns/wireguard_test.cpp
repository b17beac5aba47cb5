// A fan over WireGuard: the underlay is then encrypted, and its addresses cannot be forged.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"

namespace fan::test {
namespace {

class OverWireGuard : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    const Netns probe;
    if (!IsSkipped() && !probe.run({"ip", "link", "add", "probe", "type", "wireguard"}).ok()) {
      GTEST_SKIP() << "no-wireguard: this kernel has no wireguard";
    }
  }
};
FAN_OVER_EACH(OverWireGuard);

std::string without_newline(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

struct Key {
  std::string secret = without_newline(must({"wg", "genkey"}));
  std::string open = without_newline(must({"wg", "pubkey"}, {.input = secret}));
};

void add_wireguard(const Host& host, const Key& own, const std::string& cidr, const Key& peer,
                   const std::string& peer_address, Address peer_endpoint) {
  host.ip({"link add wg0 type wireguard", "addr add " + cidr + " dev wg0"});
  const std::string config = fmt::format("[Interface]\nPrivateKey = {}\nListenPort = 51820\n[Peer]\nPublicKey = "
                                         "{}\nAllowedIPs = {}/32\nEndpoint = {}:51820\n",
                                         own.secret, peer.open, peer_address, peer_endpoint.str());
  host.must({"wg", "setconf", "wg0", "/proc/self/fd/0"}, {.input = config});
  host.ip({"link set wg0 up"});
}

TEST_P(OverWireGuard, EndpointsReachEachOtherAndNothingLeavesInTheClear) {
  FanPair fans(type());
  const Key a;
  const Key b;
  add_wireguard(fans.a, a, "10.77.0.27/16", b, "10.77.0.28", fans.b.address);
  add_wireguard(fans.b, b, "10.77.0.28/16", a, "10.77.0.27", fans.a.address);
  for (const Host* host : {&fans.a, &fans.b}) {
    host->fanctl_must({"up", "250.0.0.0/8", "wg0/16", "type", type()});
  }
  const unsigned overhead = type() == "ipip" ? 20 : 50;
  EXPECT_EQ(link_field(fans.a, "fan-250-0-27", "mtu"), std::to_string(1420 - overhead));
  const Container one = fans.container_a();
  const Container two = fans.container_b();
  const ForgedTraffic::Handle alone = fans.underlay.forged().pause(); // its packets are in the clear
  const Capture in_the_clear(fans.b, "eth0",
                             [](const Frame& f) { return f.protocol() == 4 || f.destination_port() == 8472; });
  EXPECT_TRUE(pings(one, at_b));
  EXPECT_TRUE(pings(two, at_a));
  EXPECT_EQ(in_the_clear.count(), 0U);
}

} // namespace
} // namespace fan::test
