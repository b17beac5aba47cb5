// Hosts that only speak, addresses of /32, addresses that come and go, reverse path filters, many fans.
#include <tuple>

#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

class Layouts : public OverEach {};
FAN_OVER_EACH(Layouts);

TEST_P(Layouts, AHostThatOnlyReachesAFanSpeaksFromItsGatewaysAddress) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up", {"reach"}));
  fans.b.fanctl_must(fans.line("up"));
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(fans.a, at_b));
  EXPECT_TRUE(pings(fans.a, at_b, fans.a.address)) << "from the underlay address it is translated";
  UdpStream stream(fans.a, b, at_b);
  EXPECT_TRUE(stream.reached(50));
  EXPECT_EQ(stream.stop().source, *Address::parse("250.0.27.1"));
  EXPECT_TRUE(pings(b, *Address::parse("250.0.27.1"))) << "and is spoken to";
  EXPECT_EQ(fans.a.must({"ip", "-br", "link", "show", "type", "bridge"}), "");
  EXPECT_EQ(fans.a.sysctl("net/ipv4/conf/eth0/forwarding"), "0");
  fans.a.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

// The two share the tunnel device.
TEST_P(Layouts, AFanThatIsOnlyReachedComesChangesAndGoesBesideAnotherThatLosesNothing) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  UdpStream stream(a, b, at_b);
  ASSERT_TRUE(stream.reached(50));
  for (const char* const option : {"reach", "no-nat", "reach"}) { // to, and back
    fans.a.fanctl_must({"up", "251.0.0.0/8", "eth0/16", "type", type(), option});
    EXPECT_EQ(fans.a.run({"ip", "link", "show", "fan-251-0-27"}).ok(), option != std::string("reach"));
  }
  fans.a.fanctl_must({"down", "251.0.0.0/8", "eth0/16"});
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0);
  EXPECT_EQ(fans.a.must({"ip", "-4", "-o", "addr", "show", "dev", "lo"}).find("251."), std::string::npos);
  EXPECT_EQ(stream.stop().lost, 0U);
}

TEST_P(Layouts, EveryReversePathFilterLetsTheFanThrough) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  for (const char* filter : {"0", "1", "2"}) {
    for (const Host* host : {&fans.a, &fans.b}) {
      host->set_sysctl("net/ipv4/conf/all/rp_filter", filter);
    }
    EXPECT_TRUE(pings(a, at_b)) << filter;
    EXPECT_TRUE(pings(fans.a, at_b, fans.a.address)) << filter;
  }
}

TEST_P(Layouts, AnAddressOf32BitsWithARouteToItsNeighboursCarriesAFan) { // as Google's cloud gives them
  FanPair fans(type());
  for (const Host* host : {&fans.a, &fans.b}) {
    host->ip({"addr flush dev eth0", "addr add " + host->address.str() + "/32 dev eth0",
              "route add 172.30.255.254 dev eth0", "route add default via 172.30.255.254 dev eth0",
              "route add 172.30.0.0/16 dev eth0"});
  }
  fans.a.fanctl_must(fans.line("up"));
  fans.b.fanctl_must({"up", "250.0.0.0/8", "172.30.0.28/16", "type", type()}); // named by its address
  EXPECT_NE(fans.b.fanctl_must({"show"}).find("172.30.0.28/16"), std::string::npos);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_TRUE(pings(b, at_a));
}

TEST_P(Layouts, AnAddressOnTheLoopbackDeviceCarriesAFanByTheDeviceBehindWhichTheUnderlayIs) { // as BGP hosts have it
  FanPair fans(type());
  for (const auto& [host, own, other] : {std::tuple(&fans.a, "27", "28"), std::tuple(&fans.b, "28", "27")}) {
    const std::string address = host->address.str();
    host->ip({"addr flush dev eth0", "addr add " + address + "/32 dev lo",
              std::string("addr add 10.9.0.") + own + "/24 dev eth0",
              std::string("route add 172.30.0.0/16 via 10.9.0.") + other + " src " + address});
    host->fanctl_must({"up", "250.0.0.0/8", address + "/16", "type", type()});
    EXPECT_EQ(host->fanctl({"show", "--check"}).status, 0);
    EXPECT_EQ(host->sysctl("net/ipv4/conf/eth0/forwarding"), "1");
  }
  {
    const Container a = fans.container_a();
    const Container b = fans.container_b();
    EXPECT_TRUE(pings(a, at_b));
    EXPECT_TRUE(pings(b, at_a));
    EXPECT_TRUE(pings(fans.a, at_b));
  }
  fans.a.fanctl_must({"down", "250.0.0.0/8", "172.30.0.27/16"});
  EXPECT_EQ(fans.a.sysctl("net/ipv4/conf/eth0/forwarding"), "0");
  EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

TEST_P(Layouts, EachNextHopOfTheDefaultRouteForwards) {
  FanPair fans(type());
  join(fans.a, "eth1", fans.underlay.router(), "r1");
  fans.underlay.router().ip({"addr add 10.8.0.1/24 dev r1", "route add 250.0.27.0/24 dev r1 scope link"});
  fans.a.ip({"addr add 10.8.0.27/24 dev eth1", "route replace default nexthop via 172.30.255.254 dev eth0 nexthop via "
                                               "10.8.0.1 dev eth1"});
  fans.up();
  for (const char* device : {"eth0", "eth1"}) {
    EXPECT_EQ(fans.a.sysctl(std::string("net/ipv4/conf/") + device + "/forwarding"), "1") << device;
  }
  {
    const Container a = fans.container_a();
    for (const char* device : {"eth0", "eth1"}) { // by one after the other, as a hash would choose
      fans.a.ip({std::string("route replace 198.51.100.1/32 via ") +
                 (device[3] == '0' ? "172.30.255.254" : "10.8.0.1") + " dev " + device});
      EXPECT_TRUE(pings(a, Underlay::outside())) << device;
    }
  }
  fans.a.fanctl_must(fans.line("down"));
  for (const char* device : {"eth0", "eth1"}) {
    EXPECT_EQ(fans.a.sysctl(std::string("net/ipv4/conf/") + device + "/forwarding"), "0") << device;
  }
}

TEST_P(Layouts, AFanOnAnAddressThatMovesBetweenHostsWorksOnTheOneThatHasIt) { // as VRRP moves it
  FanPair fans(type());
  const std::string shared = "172.30.0.99";
  fans.a.fanctl_must({"up", "250.0.0.0/8", "172.30.0.27/16", "type", type()});
  fans.b.ip({"addr add " + shared + "/32 dev eth0"});
  fans.b.fanctl_must({"up", "250.0.0.0/8", shared + "/16", "type", type()});
  const Container a = fans.container_a();
  {
    Container b(fans.b, "fan-250-0-99");
    b.address("250.0.99.2/24", *Address::parse("250.0.99.1"));
    EXPECT_TRUE(pings(a, *Address::parse("250.0.99.2")));
    fans.b.ip({"addr del " + shared + "/32 dev eth0"});
    const Outcome without = fans.b.fanctl({"up", "250.0.0.0/8", shared + "/16", "type", type()});
    EXPECT_EQ(without.status, 3) << without.err;
    EXPECT_TRUE(pings(b, *Address::parse("250.0.99.1"), {}, 1)) << "the fan waits for it";
    fans.b.ip({"addr add " + shared + "/32 dev eth0"});
    EXPECT_TRUE(pings(a, *Address::parse("250.0.99.2"))) << "and needs no command when it is back";
    EXPECT_EQ(fans.b.fanctl_must({"up", "250.0.0.0/8", shared + "/16", "type", type(), "--dry-run"}), "");
    // To another host, which says so by ARP as keepalived does; nobody has told the first one.
    fans.b.ip({"addr del " + shared + "/32 dev eth0"});
    Host& other = fans.underlay.host("172.30.0.29/16");
    other.ip({"addr add " + shared + "/32 dev eth0"});
    EXPECT_TRUE(pings(other, fans.a.address, Address::parse(shared).value()));
    other.fanctl_must({"up", "250.0.0.0/8", shared + "/16", "type", type()});
    Container moved(other, "fan-250-0-99");
    moved.address("250.0.99.2/24", *Address::parse("250.0.99.1"));
    const Capture at_the_first(b, "eth0", [](const Frame& f) { return !f.outgoing && f.source() == at_a; });
    EXPECT_TRUE(pings(a, *Address::parse("250.0.99.2")));
    EXPECT_TRUE(pings(moved, at_a));
    EXPECT_FALSE(b.run({"ping", "-c1", "-W1", at_a.str()}).ok()) << "the answer is the other one's";
    EXPECT_EQ(at_the_first.count(), 0U);
  }
  fans.b.fanctl_must({"down", "250.0.0.0/8", shared + "/16"});
}

TEST_P(Layouts, ManyFansOnOneHostShareOneTunnelAndTheLastOneWorks) {
  FanPair fans(type());
  std::string lines;
  const int first = 127 - (in_guest() ? 4 : 27); // an emulated machine takes its time
  const int last = first + (in_guest() ? 8 : 64) - 1;
  for (int n = first; n <= last; ++n) {
    lines += std::to_string(n) + ".0.0.0/8 eth0/16 type " + type() + "\n";
  }
  RunOptions with_lines;
  with_lines.input = lines;
  with_lines.timeout = std::chrono::seconds(240);
  for (const Host* host : {&fans.a, &fans.b}) {
    const std::string file = "/run/fan-lines-" + std::to_string(host->inode());
    host->must({"tee", file}, with_lines);
    const Outcome up = host->fanctl({"up", "-a", "--config", file}, with_lines);
    host->must({"rm", file});
    // 127/8 is loopback: one line is refused, the others are up.
    EXPECT_EQ(up.status, 7) << up.err;
    EXPECT_NE(up.err.find("127.0.0.0/8"), std::string::npos) << up.err;
  }
  for (const int n : {first, last}) {
    EXPECT_TRUE(pings(fans.a, *Address::parse(std::to_string(n) + ".0.28.1"), {}, 1)) << n;
  }
  fans.a.fanctl_must({"down", "-e"}, with_lines);
  EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

} // namespace
} // namespace fan::test
