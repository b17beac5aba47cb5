// A fan is what was typed. Addresses, carrier and devices of the underlay come and go under it; its bridge and what is
// attached to it do not notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Identity : public OverEach {
protected:
  // Nothing is there to do.
  [[nodiscard]] static bool is_settled(const FanPair& fans, const std::vector<std::string>& words = {}) {
    std::vector<std::string> dry = fans.line("up", words);
    dry.emplace_back("--dry-run");
    return fans.a.fanctl_must(dry).empty() && fans.a.fanctl({"show", "--check"}).status == 0;
  }

  // As a DHCP client does that is given another address.
  static void renumber(const FanPair& fans, const Host& host, const std::string& cidr) {
    host.ip({"addr flush dev " + host.device, fmt::format("addr add {} dev {}", cidr, host.device),
             fmt::format("route replace default via {}", fans.underlay.gateway().str())});
  }

  // What a network manager puts back when a link is up again: the kernel has dropped it.
  static void put_default_route_back(const FanPair& fans) {
    fans.a.ip({fmt::format("route replace default via {}", fans.underlay.gateway().str())});
  }

  [[nodiscard]] static std::string ifindex(const Host& host, const std::string& device) {
    const std::string line = host.must({"ip", "-o", "link", "show", "dev", device});
    return line.substr(0, line.find(':'));
  }
};
FAN_OVER_EACH(Identity);

TEST_P(Identity, ANewAddressMovesTheSliceAndTheBridgeStaysWithItsPorts) {
  FanPair fans(type());
  fans.up();
  const Container old_one = fans.container_a();
  const Container old_two = fans.container_a("250.0.27.3/24");
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(old_one, at_b, {}, 1));
  EXPECT_TRUE(pings(old_two, at_b, {}, 1));
  const std::string bridge = ifindex(fans.a, "fan-250-0-27");
  EXPECT_TRUE(pings(old_one, *Address::parse("250.0.27.3"), {}, 1));
  UdpStream local(old_one, old_two, *Address::parse("250.0.27.3"));
  EXPECT_TRUE(local.reached(50));

  renumber(fans, fans.a, "172.30.1.27/16");
  const Outcome moved = fans.a.fanctl(fans.line("up"));
  EXPECT_EQ(moved.status, 0) << moved.err;
  EXPECT_EQ(ifindex(fans.a, "fan-250-0-27"), bridge) << "it has the name of the old slice, and keeps it";
  EXPECT_THAT(fans.a.fanctl_must({"show"}), HasSubstr("fan-250-0-27     250.0.0.0/8          172.30.1.27/16"));
  for (const Container* one : {&old_one, &old_two}) {
    EXPECT_EQ(link_field(fans.a, one->port(), "master"), "fan-250-0-27");
    EXPECT_THAT(moved.err, HasSubstr(one->port()));
  }
  EXPECT_THAT(moved.err, HasSubstr("250.0.27.0/24"));
  EXPECT_THAT(moved.err, HasSubstr("250.1.27.0/24"));
  EXPECT_THAT(moved.err, HasSubstr("250.0.27.2"));
  EXPECT_THAT(moved.err, HasSubstr("250.0.27.3"));
  EXPECT_TRUE(local.reached(200));
  EXPECT_EQ(local.stop().lost, 0U) << "between containers of the old slice, by the bridge alone";
  EXPECT_TRUE(is_settled(fans));

  Container fresh(fans.a, "fan-250-0-27");
  fresh.address("250.1.27.2/24", *Address::parse("250.1.27.1"));
  EXPECT_TRUE(pings(fresh, at_b));
  EXPECT_TRUE(pings(b, *Address::parse("250.1.27.2")));
}

// The old slice is nobody's, or another host's: from it and to it nothing passes the tunnel, and each refusal is
// counted.
TEST_P(Identity, WhatIsLeftOfTheOldSliceIsKeptFromTheTunnel) {
  FanPair fans(type());
  fans.up();
  const Container old(fans.container_a());
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(b, at_a, {}, 1));
  renumber(fans, fans.a, "172.30.1.27/16");
  fans.a.ip({"addr add 172.30.0.27/16 dev eth0"}); // still there, beside the new one
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_THAT(fans.a.fanctl_must({"show"}), HasSubstr("172.30.1.27/16"));

  const ForgedTraffic::Handle alone = fans.underlay.forged().pause(); // its packets are counted as well
  const Capture at_old(old, "eth0", [](const Frame& f) { return !f.outgoing && f.source() == at_b; });
  const Capture at_new(b, "eth0", [](const Frame& f) { return !f.outgoing && f.source() == at_a; });
  const auto counted = [&](const char* counter) {
    return fans.a.must({"nft", "list", "counter", "inet", "fanctl", counter});
  };
  const std::string before = counted("misdelivered");
  EXPECT_FALSE(b.run({"ping", "-n", "-q", "-c", "2", "-i", "0.1", "-W", "1", at_a.str()}).ok());
  EXPECT_NE(counted("misdelivered"), before) << "came for an address that is no fan's any more";
  EXPECT_EQ(at_old.count(), 0U);

  old.ip({"route replace 250.1.27.1 dev eth0", "route replace default via 250.1.27.1"}); // somebody tries
  const std::string stats = fans.a.fanctl_must({"show", "--stats"});
  EXPECT_FALSE(old.run({"ping", "-n", "-q", "-c", "2", "-i", "0.1", "-W", "1", at_b.str()}).ok());
  EXPECT_NE(fans.a.fanctl_must({"show", "--stats"}), stats);
  EXPECT_EQ(at_new.count(), 0U);
  const Capture as_it_is(fans.underlay.router(), "sw", [](const Frame& f) { return f.source() == at_a; });
  const Capture translated(fans.underlay.router(), "sw", [](const Frame& f) {
    return f.source() == *Address::parse("172.30.1.27") && f.destination() == Underlay::outside();
  });
  (void)old.run({"ping", "-n", "-q", "-c", "1", "-W", "1", Underlay::outside().str()});
  EXPECT_TRUE(translated.reached(1));
  EXPECT_EQ(as_it_is.count(), 0U) << "the overlay's addresses are not for the underlay to see";
}

TEST_P(Identity, ANameThatWasGivenStaysWhenTheAddressChanges) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up", {"bridge", "fan-250"}));
  const Container old(fans.a, "fan-250");
  renumber(fans, fans.a, "172.30.1.27/16");
  fans.a.fanctl_must(fans.line("up", {"bridge", "fan-250"}));
  EXPECT_THAT(fans.a.fanctl_must({"show"}), HasSubstr("fan-250          250.0.0.0/8          172.30.1.27/16"));
  EXPECT_EQ(link_field(fans.a, old.port(), "master"), "fan-250");
  EXPECT_TRUE(is_settled(fans, {"bridge", "fan-250"}));
}

// Carrier goes, the link is taken down and up: by itself, and while somebody runs `up` in the middle of it.
TEST_P(Identity, AFlapIsNotNoticed) {
  struct Flap {
    const char* what;
    bool by_the_host; // else the cable
  };
  for (const Flap& flap : {Flap{"the link is taken down", true}, Flap{"carrier is lost", false}}) {
    SCOPED_TRACE(flap.what);
    FanPair fans(type());
    fans.up();
    const Container a = fans.container_a();
    const Container sibling = fans.container_a("250.0.27.3/24");
    const Container b = fans.container_b();
    EXPECT_TRUE(pings(a, at_b, {}, 1));
    EXPECT_TRUE(pings(a, *Address::parse("250.0.27.3"), {}, 1));
    UdpStream local(a, sibling, *Address::parse("250.0.27.3"));
    EXPECT_TRUE(local.reached(50));
    const Netns& holder = flap.by_the_host ? static_cast<const Netns&>(fans.a) : fans.underlay.router();
    const std::string device = flap.by_the_host ? "eth0" : fans.a.name;
    holder.ip({fmt::format("link set {} down", device)});
    const Outcome meanwhile = fans.a.fanctl(fans.line("up"));
    EXPECT_TRUE(meanwhile.status == 0 || meanwhile.status == 3) << meanwhile.status << meanwhile.err;
    pause_for(std::chrono::milliseconds(1000)); // the length of the flap is what is tried
    EXPECT_TRUE(pings(a, *Address::parse("250.0.27.1"), {}, 1)) << "its gateway is there";
    EXPECT_EQ(link_field(fans.a, a.port(), "master"), "fan-250-0-27");
    holder.ip({fmt::format("link set {} up", device)});
    put_default_route_back(fans);
    EXPECT_TRUE(eventually([&] { return pings(a, at_b, {}, 1); }, std::chrono::seconds(30)));
    EXPECT_TRUE(is_settled(fans));
    EXPECT_EQ(local.stop().lost, 0U);
  }
}

TEST_P(Identity, AMinuteWithoutCarrierIsNotNoticed) {
  if (in_guest()) {
    GTEST_SKIP() << "takes-a-minute: where time is dear";
  }
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container sibling = fans.container_a("250.0.27.3/24");
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b, {}, 1));
  EXPECT_TRUE(pings(a, *Address::parse("250.0.27.3"), {}, 1));
  UdpStream local(a, sibling, *Address::parse("250.0.27.3"), {.per_second = 100});
  fans.underlay.router().ip({fmt::format("link set {} down", fans.a.name)});
  pause_for(std::chrono::seconds(60));
  EXPECT_TRUE(is_settled(fans)) << "nor is there anything to do meanwhile";
  fans.underlay.router().ip({fmt::format("link set {} up", fans.a.name)});
  EXPECT_TRUE(eventually([&] { return pings(a, at_b, {}, 1); }, std::chrono::seconds(30)));
  EXPECT_TRUE(is_settled(fans));
  EXPECT_EQ(local.stop().lost, 0U);
}

TEST_P(Identity, WithoutTheUnderlaysAddressUpRefusesAndTheFanStays) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  fans.a.ip({"addr flush dev eth0"}); // a lease that ran out
  const Outcome refused = fans.a.fanctl(fans.line("up"));
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("device 'eth0' has no IPv4 address"));
  EXPECT_TRUE(pings(a, *Address::parse("250.0.27.1"), {}, 1));
  EXPECT_THAT(fans.a.fanctl_must({"show"}), HasSubstr("172.30.0.27/16"));
  fans.a.ip({"addr add 172.30.0.27/16 dev eth0", "route add default via 172.30.255.254"});
  EXPECT_TRUE(eventually([&] { return pings(a, at_b, {}, 1); })) << "without a command";
  EXPECT_TRUE(is_settled(fans));
}

TEST_P(Identity, TheUnderlaysDeviceGoesAndComesBackAsAnother) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  const std::string before = ifindex(fans.a, "eth0");
  fans.a.ip({"link del eth0"});
  const Outcome refused = fans.a.fanctl(fans.line("up"));
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("device 'eth0' does not exist"));
  EXPECT_TRUE(pings(a, *Address::parse("250.0.27.1"), {}, 1));
  fans.a.ip({"link add spare type bridge"}); // so that the number is not the old one
  join(fans.a, "eth0", fans.underlay.router(), "again");
  fans.underlay.router().ip({"link set again master sw"});
  fans.a.ip({"addr add 172.30.0.27/16 dev eth0", "route add default via 172.30.255.254"});
  EXPECT_NE(ifindex(fans.a, "eth0"), before);
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_TRUE(eventually([&] { return pings(a, at_b, {}, 1); }));
  EXPECT_TRUE(pings(b, at_a));
  EXPECT_TRUE(pings(a, Underlay::outside())) << "and the world";
  EXPECT_TRUE(is_settled(fans));
}

// The address comes by DHCP, and late.
TEST_P(Identity, UpBeforeTheAddressFailsAndWorksWhenItIsThere) {
  FanPair fans(type());
  fans.b.fanctl_must(fans.line("up"));
  fans.a.ip({"addr flush dev eth0"});
  const Background client({"udhcpc", "-f", "-t", "60", "-T", "1", "-i", "eth0", "-s",
                           std::string(SOURCE_DIR) + "/tests/support/udhcpc-script"},
                          RunOptions{.netns = &fans.a});
  const Outcome early = fans.a.fanctl(fans.line("up"));
  EXPECT_EQ(early.status, 3);
  EXPECT_THAT(early.err, HasSubstr("device 'eth0' has no IPv4 address"));
  EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "") << "and nothing is left of it";
  pause_for(std::chrono::seconds(in_guest() ? 3 : 14)); // the time that is tried
  const Background server({"dnsmasq", "--keep-in-foreground", "--no-ping", "--conf-file=/dev/null", "--port=0",
                           "--interface=sw", "--bind-interfaces", "--dhcp-range=172.30.0.27,172.30.0.27,255.255.0.0",
                           "--leasefile-ro", "--pid-file=", "--user=root"},
                          RunOptions{.netns = &fans.underlay.router()});
  EXPECT_TRUE(eventually([&] { return fans.a.fanctl(fans.line("up")).ok(); }, std::chrono::seconds(60)))
      << client.output() << server.output();
  const Container a = fans.container_a();
  EXPECT_TRUE(pings(a, *Address::parse("250.0.28.1")));
}

TEST_P(Identity, ABondFailsOver) {
  const Netns probe;
  if (!probe.run({"ip", "link", "add", "probe", "type", "bond"}).ok()) {
    GTEST_SKIP() << "no-bond: this kernel has no bonding";
  }
  FanPair fans(type());
  fans.a.ip({"addr flush dev eth0", "link set eth0 down", "link add bond0 type bond mode active-backup miimon 50",
             "link set eth0 master bond0"});
  join(fans.a, "eth1", fans.underlay.router(), "second");
  fans.underlay.router().ip({"link set second master sw"});
  fans.a.ip({"link set eth1 down", "link set eth1 master bond0", "link set bond0 up",
             "addr add 172.30.0.27/16 dev bond0", "route add default via 172.30.255.254"});
  const std::vector<std::string> line{"up", "250.0.0.0/8", "bond0/16", "type", type()};
  fans.a.fanctl_must(line);
  fans.b.fanctl_must(fans.line("up"));
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(eventually([&] { return pings(a, at_b, {}, 1); }));
  for (const char* port : {fans.a.name.c_str(), "second"}) {
    fans.underlay.router().ip({fmt::format("link set {} down", port)});
    EXPECT_TRUE(eventually([&] { return pings(a, at_b, {}, 1); }, std::chrono::seconds(30))) << port;
    EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0);
    fans.underlay.router().ip({fmt::format("link set {} up", port)});
    EXPECT_TRUE(eventually([&] { return pings(a, at_b, {}, 1); }, std::chrono::seconds(30))) << port;
  }
  EXPECT_EQ(fans.a.fanctl_must({"up", "250.0.0.0/8", "bond0/16", "type", type(), "--dry-run"}), "");
}

} // namespace
} // namespace fan::test
