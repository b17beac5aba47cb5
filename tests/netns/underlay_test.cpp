// The many ways in which an underlay can be named and a host be placed in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"

namespace fan::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class UnderlayForms : public OverEach {
protected:
  static Address at(const char* text) { return *Address::parse(text); }

  // A container with the third address of `slice` (250.0.28.2 of "250.0.28") behind `bridge`.
  static Container container(const Host& host, const std::string& slice, const std::string& bridge) {
    Container c(host, bridge);
    c.address(slice + ".2/24", at((slice + ".1").c_str()));
    return c;
  }
  static Container container(const Host& host, const std::string& slice) {
    std::string bridge = "fan-" + slice;
    std::replace(bridge.begin(), bridge.end(), '.', '-');
    return container(host, slice, bridge);
  }
};
FAN_OVER_EACH(UnderlayForms);

TEST_P(UnderlayForms, ASecondaryAddress) {
  Underlay underlay;
  const Host& a = underlay.host("172.30.0.27/16");
  const Host& b = underlay.host("172.30.0.28/16");
  b.ip({"addr add 172.30.9.28/16 dev eth0"});
  a.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type()});
  b.fanctl_must({"up", "250.0.0.0/8", "172.30.9.28", "type", type()});
  EXPECT_THAT(b.fanctl_must({"show"}), HasSubstr("172.30.9.28/16"));
  const Container ca = container(a, "250.0.27");
  const Container cb = container(b, "250.9.28");
  EXPECT_TRUE(pings(ca, at("250.9.28.2")));
  EXPECT_TRUE(pings(cb, at("250.0.27.2")));
  EXPECT_TRUE(pings(b, at("250.0.27.2"))) << "the host itself, whose primary address is another";
  b.fanctl_must({"down", "250.0.0.0/8", "172.30.9.28", "--force"});
}

// A cloud's subnets: each host on a /24 of its own, all of them in one /16.
TEST_P(UnderlayForms, ASubnetOf24BitsInAnUnderlayOf16) {
  Underlay first("172.30.1.254/24");
  Underlay second("172.30.2.254/24");
  const Host& a = first.host("172.30.1.27/24");
  const Host& b = second.host("172.30.2.28/24");
  join(first.router(), "other", second.router(), "other");
  first.router().ip({"addr add 192.0.2.1/30 dev other", "route add 172.30.2.0/24 via 192.0.2.2"});
  second.router().ip({"addr add 192.0.2.2/30 dev other", "route add 172.30.1.0/24 via 192.0.2.1"});
  for (const Host* host : {&a, &b}) {
    host->fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type()});
  }
  EXPECT_THAT(a.fanctl_must({"show"}), HasSubstr("172.30.1.27/16"));
  const Container ca = container(a, "250.1.27");
  const Container cb = container(b, "250.2.28");
  EXPECT_TRUE(pings(ca, at("250.2.28.2")));
  EXPECT_TRUE(pings(cb, at("250.1.27.2")));
}

TEST_P(UnderlayForms, TwoFansAtOnceOnTwoCards) {
  Underlay first;
  Underlay second("10.7.255.254/16", {"240.0.0.0/8", 16});
  std::vector<Host*> hosts;
  for (const char* number : {"27", "28"}) {
    Host& host = first.host(std::string("172.30.0.") + number + "/16");
    join(host, "eth1", second.router(), std::string("x") + number);
    second.router().ip({std::string("link set x") + number + " master sw"});
    host.ip({std::string("addr add 10.7.0.") + number + "/16 dev eth1"});
    second.surround(host, "eth1", at((std::string("10.7.0.") + number).c_str()));
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type(), "no-isolate"});
    host.fanctl_must({"up", "240.0.0.0/8", "eth1/16", "type", type(), "no-isolate"});
    hosts.push_back(&host);
  }
  const Container a250 = container(*hosts[0], "250.0.27");
  const Container a240 = container(*hosts[0], "240.0.27");
  const Container b250 = container(*hosts[1], "250.0.28");
  const Container b240 = container(*hosts[1], "240.0.28");
  EXPECT_TRUE(pings(a250, at("250.0.28.2")));
  EXPECT_TRUE(pings(a240, at("240.0.28.2")));
  EXPECT_TRUE(pings(a250, at("240.0.28.2"))) << "from one fan to the other, on another host";
  EXPECT_TRUE(pings(a250, at("240.0.27.2"))) << "and on the same";
  hosts[0]->fanctl_must({"down", "--force", "250.0.0.0/8", "eth0/16"});
  EXPECT_TRUE(pings(a240, at("240.0.28.2"))) << "one goes, the other stays";
}

TEST_P(UnderlayForms, ANetworkMeansOneSliceForEachLocalAddress) {
  Underlay underlay;
  const Host& a = underlay.host("172.30.0.27/16");
  const Host& b = underlay.host("172.30.0.28/16");
  b.ip({"addr add 172.30.0.38/16 dev eth0"});
  for (const Host* host : {&a, &b}) {
    host->fanctl_must({"up", "250", "172.30.0.0/16", "type", type()});
  }
  const std::string table = b.fanctl_must({"show"});
  EXPECT_THAT(table, HasSubstr("fan-250-0-28     250.0.0.0/8          172.30.0.28/16"));
  EXPECT_THAT(table, HasSubstr("fan-250-0-38     250.0.0.0/8          172.30.0.38/16"));
  const Container ca = container(a, "250.0.27");
  const Container c28 = container(b, "250.0.28");
  const Container c38 = container(b, "250.0.38");
  EXPECT_TRUE(pings(ca, at("250.0.28.2")));
  EXPECT_TRUE(pings(ca, at("250.0.38.2")));
  EXPECT_TRUE(pings(c38, at("250.0.27.2")));
  EXPECT_TRUE(pings(c28, at("250.0.38.2"))) << "between two slices of one host";
  EXPECT_EQ(b.fanctl_must({"up", "250", "172.30.0.0/16", "type", type(), "--dry-run"}), "");
  b.fanctl_must({"down", "250", "172.30.0.0/16", "--force"});
  EXPECT_EQ(b.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

TEST_P(UnderlayForms, OfANetworkTheFanWhoseAddressHasGoneStaysAndIsNamed) {
  Underlay underlay;
  const Host& host = underlay.host("172.30.0.28/16");
  host.set_sysctl("net/ipv4/conf/eth0/promote_secondaries", "1");
  host.ip({"addr add 172.30.0.38/16 dev eth0"});
  const std::vector<std::string> line{"up", "250", "172.30.0.0/16", "type", type()};
  host.fanctl_must(line);
  host.ip({"addr del 172.30.0.38/16 dev eth0", "route del 250.0.0.0/8"});
  const Outcome shown = host.fanctl({"show", "--check"});
  EXPECT_EQ(shown.status, 8);
  EXPECT_THAT(shown.err, HasSubstr("fan-250-0-38: 172.30.0.38 is not on eth0"));
  for (int n = 0; n < 2; ++n) {
    const Outcome up = host.fanctl(line);
    EXPECT_EQ(up.status, 7);
    EXPECT_THAT(up.err, AllOf(HasSubstr("172.30.0.38 is no longer an address of this host, and fan-250-0-38 is left"),
                              HasSubstr("fanctl down fan-250-0-38")));
  }
  EXPECT_THAT(host.must({"ip", "route", "show", "250.0.0.0/8"}), HasSubstr("dev fan")) << "the others are repaired";
  EXPECT_EQ(host.must({"ip", "-o", "link", "show", "fan-250-0-38"}).empty(), false);
  host.ip({"addr add 172.30.0.38/16 dev eth0"});
  EXPECT_EQ(host.fanctl({"show", "--check"}).status, 0);
  host.fanctl_must(line);
  host.ip({"addr del 172.30.0.38/16 dev eth0"});
  host.fanctl_must({"down", "fan-250-0-38"});
  host.fanctl_must(line);
  EXPECT_EQ(host.fanctl({"show", "--check"}).status, 0);
}

TEST_P(UnderlayForms, TheDefaultRoutesDevice) {
  Underlay underlay;
  const Host& a = underlay.host("172.30.0.27/16");
  a.fanctl_must({"up", "250", "default", "type", type()});
  EXPECT_THAT(a.fanctl_must({"show"}), HasSubstr("172.30.0.27/16"));
  a.fanctl_must({"down", "250", "eth0"});
}

} // namespace
} // namespace fan::test
