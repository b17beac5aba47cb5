// What leaves the overlay, what comes into it from outside, and under which address.
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/snapshot.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

class Nat : public OverEach {};
FAN_OVER_EACH_AND_BY_SHORTCUT(Nat);

const Address far_side{0xcb007101U}; // 203.0.113.1

// A second network card on a host, with a router of its own behind it that owns 203.0.113.1.
struct SecondWay {
  explicit SecondWay(const FanPair& fans, const Host& host) {
    join(host, "eth1", router, "eth0");
    const Victim victim = fans.underlay.victims_of(fans.b.address).front();
    const auto mac = Mac::parse(link_field(host, "eth1", "link/ether"));
    forging = fans.underlay.forged().from_elsewhere(router, "eth0", *Address::parse("172.31.0.2"), *mac, victim);
    host.ip({"addr add 172.31.0.1/24 dev eth1"});
    router.ip({"addr add 172.31.0.2/24 dev eth0", "addr add 203.0.113.1/32 dev lo"});
  }
  Netns router;
  ForgedTraffic::Handle forging;
};

// The source under which datagrams of `from` come to `to`.
Address source_seen(const Netns& from, const Netns& to, Address destination) {
  UdpStream stream(from, to, destination);
  EXPECT_TRUE(stream.reached(20)) << destination.str();
  const UdpStreamReport report = stream.stop();
  EXPECT_EQ(report.foreign_source, 0U);
  return report.source;
}

std::string forwarding(const Host& host, const std::string& device) {
  return host.sysctl("net/ipv4/conf/" + device + "/forwarding");
}

TEST_P(Nat, TheSliceLeavesWithTheAddressOfTheDeviceItLeavesByAlsoWhenTheDefaultRouteMoves) {
  FanPair fans(type());
  const SecondWay second(fans, fans.a);
  fans.a.ip({"route add 203.0.113.0/24 via 172.31.0.2"});
  fans.up();
  const Container a = fans.container_a();
  EXPECT_EQ(source_seen(a, fans.underlay.router(), Underlay::outside()), fans.a.address);
  EXPECT_EQ(source_seen(a, second.router, far_side), *Address::parse("172.31.0.1")) << "not the fan's own address";
  EXPECT_EQ(forwarding(fans.a, "eth1"), "0");
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0);

  fans.a.ip({"route del 203.0.113.0/24", "route replace default via 172.31.0.2 dev eth1"});
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 8) << "a default route that moved is drift";
  EXPECT_FALSE(a.run({"ping", "-n", "-q", "-c", "1", "-W", "1", far_side.str()}).ok()) << "answers are not forwarded";
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_EQ(forwarding(fans.a, "eth1"), "1");
  EXPECT_TRUE(pings(a, far_side, {}, 1));
  EXPECT_EQ(source_seen(a, second.router, far_side), *Address::parse("172.31.0.1"));

  fans.a.fanctl_must({"down", "--force", "250.0.0.0/8", "eth0/16"});
  EXPECT_EQ(forwarding(fans.a, "eth0"), "0");
  EXPECT_EQ(forwarding(fans.a, "eth1"), "0");
}

TEST_P(Nat, TheHostsGlobalSwitchesAreNotTouched) {
  FanPair fans(type());
  const Container foreign(fans.a, [&] {
    fans.a.ip({"link add br0 type bridge", "link set br0 up"});
    return std::string("br0");
  }());
  const auto all = [&] {
    std::string values;
    for (const char* key :
         {"net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv4/conf/default/forwarding",
          "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/all/send_redirects", "net/ipv4/conf/br0/forwarding"}) {
      values += fmt::format("{}={} ", key, fans.a.sysctl(key));
    }
    return values;
  };
  const std::string before = all();
  EXPECT_EQ(before.find("net/ipv4/ip_forward=0 "), 0U);
  fans.up();
  EXPECT_EQ(all(), before);
  const Container a = fans.container_a();
  EXPECT_TRUE(pings(a, Underlay::outside(), {}, 1)) << "and it works without";
}

TEST_P(Nat, AProcessOfTheHostReachesARemoteContainerUnderWhateverAddressItIsBoundTo) {
  FanPair fans(type());
  fans.up();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(fans.a, at_b));
  EXPECT_TRUE(pings(fans.a, at_b, fans.a.address));
  const Capture seen(b, "eth0",
                     [](const Frame& f) { return !f.outgoing && f.source() == *Address::parse("250.0.27.1"); });
  EXPECT_TRUE(pings(fans.a, at_b, fans.a.address));
  EXPECT_TRUE(seen.reached(3)) << "it comes as the gateway";
}

// The user's own rules, as a person or a container runtime writes them.
TEST_P(Nat, WhatTheUserTranslatesReachesLocalAndRemoteContainers) {
  struct Door {
    const char* what;
    std::vector<Argv> commands;
  };
  const std::vector<Door> doors{
      {"nft",
       {{"nft", "add table ip mine { chain pre { type nat hook prerouting priority -100 ; udp dport 7007 ip daddr "
                "172.30.0.27 dnat "
                "to TARGET ; icmp type echo-request ip daddr 172.30.0.27 dnat to TARGET ; } ; }"}}},
      {"iptables-legacy",
       {{"iptables-legacy", "-t", "nat", "-A", "PREROUTING", "-d", "172.30.0.27", "-p", "udp", "--dport", "7007", "-j",
         "DNAT", "--to-destination", "TARGET"},
        {"iptables-legacy", "-t", "nat", "-A", "PREROUTING", "-d", "172.30.0.27", "-p", "icmp", "-j", "DNAT",
         "--to-destination", "TARGET"}}}};
  for (const Door& door : doors) {
    for (const Address target : {at_a, at_b}) {
      SCOPED_TRACE(std::string(door.what) + " to " + target.str());
      FanPair fans(type());
      fans.up();
      const Container a = fans.container_a();
      const Container b = fans.container_b();
      for (Argv command : door.commands) {
        for (std::string& word : command) {
          for (std::size_t at = word.find("TARGET"); at != std::string::npos; at = word.find("TARGET", at)) {
            word.replace(at, 6, target.str());
          }
        }
        fans.a.must(command);
      }
      const Container& to = target == at_a ? a : b;
      const Address expected = target == at_a ? Underlay::outside() : *Address::parse("250.0.27.1");
      UdpStream stream(fans.underlay.router(), to, fans.a.address);
      EXPECT_TRUE(stream.reached(50));
      const UdpStreamReport report = stream.stop();
      EXPECT_TRUE(target == at_a ? report.source == fans.underlay.gateway() : report.source == expected)
          << report.source.str();
      const Capture asked(to, "eth0", [](const Frame& f) { return !f.outgoing && f.protocol() == protocol_icmp; });
      EXPECT_TRUE(pings(fans.underlay.router(), fans.a.address)) << "there and back";
      EXPECT_TRUE(asked.reached(3)) << "and it was the container that answered";
    }
  }
}

TEST_P(Nat, OuterFlowsAreNotInTheConnectionTable) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b, {}, 1)); // who is where is known by then
  UdpStream there(a, b, at_b);
  EXPECT_TRUE(there.reached(100));
  for (const Host* host : {&fans.a, &fans.b}) {
    std::istringstream table(host->must({"conntrack", "-L"}));
    bool inner = false;
    for (std::string line; std::getline(table, line);) {
      inner = inner || line.find("src=250.0.27.2 dst=250.0.28.2") != std::string::npos;
      const bool between_hosts =
          line.find("172.30.0.27") != std::string::npos && line.find("172.30.0.28") != std::string::npos;
      // What a forger sends in the encapsulation that neither host has is a flow like any other.
      const bool is_tunnel = (type() == "ipip") == line.starts_with("unknown  4");
      EXPECT_FALSE(between_hosts && is_tunnel) << line;
    }
    EXPECT_TRUE(inner || GetParam().shortcut) << "the table is the one that flows go by";
  }
  EXPECT_EQ(there.stop().lost, 0U);
}

TEST_P(Nat, WithoutNatTheSliceLeavesAsItIs) {
  FanPair fans(type());
  fans.up({"no-nat"});
  const Container a = fans.container_a();
  fans.underlay.router().ip({"route add 250.0.27.0/24 via 172.30.0.27"});
  EXPECT_EQ(source_seen(a, fans.underlay.router(), Underlay::outside()), at_a);
  EXPECT_TRUE(pings(a, Underlay::outside(), {}, 1)) << "answers come in without being exposed";
  EXPECT_FALSE(fans.underlay.router().run({"ping", "-n", "-c", "1", "-W", "1", at_a.str()}).ok()) << "new ones do not";
}

TEST_P(Nat, WhatIsExposedIsOpenToTheOutsideAndNothingElseIs) {
  FanPair fans(type());
  fans.underlay.forged().permit("plain, uninvited");
  fans.a.fanctl_must(fans.line("up", {"expose", "250.0.27.2"}));
  const Container a = fans.container_a();
  const Container closed = fans.container_a("250.0.27.3/24");
  fans.underlay.router().ip({"route add 250.0.27.0/24 via 172.30.0.27"});
  const Netns& router = fans.underlay.router();
  EXPECT_TRUE(pings(router, at_a, {}, 1));
  EXPECT_FALSE(router.run({"ping", "-n", "-c", "1", "-W", "1", "250.0.27.3"}).ok());
  fans.a.fanctl_must(fans.line("up", {"expose", "all"}));
  EXPECT_TRUE(pings(router, *Address::parse("250.0.27.3"), {}, 1));
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_FALSE(router.run({"ping", "-n", "-c", "1", "-W", "1", at_a.str()}).ok());
}

// The kernel takes the larger of the device's and the global setting, so nothing of ours could switch them off; the
// gateway has no reason to send one, as what it forwards leaves by another device than it came by.
TEST_P(Nat, ContainersAreSentNoRedirects) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_EQ(fans.a.sysctl("net/ipv4/conf/all/send_redirects"), "1");
  const Capture redirects(a, "eth0", [](const Frame& f) {
    return !f.outgoing && f.protocol() == protocol_icmp && f.ipv4().size() > 20 && f.ipv4()[20] == 5;
  });
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_TRUE(pings(a, fans.b.address));
  EXPECT_TRUE(pings(a, Underlay::outside()));
  EXPECT_EQ(redirects.count(), 0U);
}

// Its packets to its neighbours come in and go out by one bridge, which is what redirects are for.
TEST_P(Nat, AContainerOf32BitsIsSentNoRedirects) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  const Container lonely(fans.a, "fan-250-0-27");
  lonely.ip({"addr add 250.0.27.2/32 dev eth0", "route add 250.0.27.1 dev eth0 scope link",
             "route add default via 250.0.27.1"});
  const Container sibling = fans.container_a("250.0.27.3/24");
  const Capture redirects(lonely, "eth0", [](const Frame& f) {
    return !f.outgoing && f.protocol() == protocol_icmp && f.ipv4().size() > 20 && f.ipv4()[20] == 5;
  });
  const Capture answers(lonely, "eth0", [](const Frame& f) {
    return !f.outgoing && f.protocol() == protocol_icmp && f.ipv4().size() > 20 && f.ipv4()[20] == 0;
  });
  EXPECT_TRUE(pings(lonely, *Address::parse("250.0.27.3"), {}, 10));
  EXPECT_TRUE(answers.reached(10));
  EXPECT_EQ(redirects.count(), 0U);
}

} // namespace
} // namespace fan::test
