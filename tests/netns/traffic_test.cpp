// What a fan is for: endpoints of different hosts reach each other, from their own addresses.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/raw_sender.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

class Traffic : public OverEach {};
FAN_OVER_EACH_AND_BY_SHORTCUT(Traffic);

TEST_P(Traffic, ContainersOfTwoHostsPingEachOther) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_TRUE(pings(b, at_a));
}

TEST_P(Traffic, HostsReachRemoteContainersAndGateways) {
  FanPair fans(type());
  fans.up();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(fans.a, at_b));
  EXPECT_TRUE(pings(fans.a, *Address::parse("250.0.28.1")));
  EXPECT_TRUE(pings(fans.a, at_b, fans.a.address))
      << "from the underlay address, which the peer would refuse untranslated";
}

TEST_P(Traffic, ThreeHostsOfAnUnderlayOf20BitsReachEachOther) {
  Underlay underlay("10.99.239.254/20", {"99.0.0.0/8", 20});
  std::vector<std::pair<Host*, std::string>> hosts; // with their slice's first three bytes
  for (const char* cidr : {"10.99.238.5/20", "10.99.224.1/20", "10.99.239.200/20"}) {
    hosts.emplace_back(&underlay.host(cidr), "");
    hosts.back().first->fanctl_must({"up", "99.0.0.0/8", "eth0/20", "type", type()});
  }
  const Address gateways[] = {*Address::parse("99.224.80.1"), *Address::parse("99.0.16.1"),
                              *Address::parse("99.252.128.1")};
  const char* bridges[] = {"fan-99-224-80", "fan-99-0-16", "fan-99-252-128"};
  std::vector<Container> containers;
  std::vector<Address> addresses;
  for (std::size_t n = 0; n < hosts.size(); ++n) {
    containers.emplace_back(*hosts[n].first, bridges[n]);
    addresses.emplace_back(gateways[n].v4() + 1);
    containers.back().address(addresses.back().str() + "/20", gateways[n]);
  }
  for (const Container& from : containers) {
    for (const Address to : addresses) {
      EXPECT_TRUE(pings(from, to, {}, 1)) << to.str();
    }
  }
}

TEST_P(Traffic, TheOverlaySourceIsKeptInsideAndTranslatedOutside) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b, {}, 1)); // who is where is known by then
  UdpStream inside(a, b, at_b);
  EXPECT_TRUE(inside.reached(50));
  const UdpStreamReport kept = inside.stop();
  EXPECT_EQ(kept.source, at_a);
  EXPECT_EQ(kept.lost, 0U);
  UdpStream outside(a, fans.underlay.router(), Underlay::outside());
  EXPECT_TRUE(outside.reached(50));
  EXPECT_EQ(outside.stop().source, fans.a.address);
}

// How many packets the device has sent.
std::uint64_t sent_by(const Host& host, const std::string& device) {
  const auto links = nlohmann::json::parse(host.must({"ip", "-s", "-j", "link", "show", "dev", device}));
  return links[0]["stats64"]["tx"]["packets"];
}

TEST_P(Traffic, NeighboursDoNotGrowWithDestinations) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  EXPECT_TRUE(pings(a, Underlay::outside())); // it knows its gateway by then
  // One way to all of them: the underlay's own table of neighbours would be full.
  fans.a.ip({"neigh replace 172.30.0.200 lladdr 02:00:00:00:00:99 nud permanent dev eth0",
             "route add 172.30.0.0/17 via 172.30.0.200 onlink dev eth0"});
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  const ForgedTraffic::Handle quiet = fans.underlay.forged().pause();
  const std::uint64_t before = sent_by(fans.a, tunnel);
  std::vector<Bytes> packets;
  for (std::uint32_t n = 0; n < 3000; ++n) { // one endpoint each of 3,000 hosts
    packets.push_back(ipv4({at_a, Address(0xfa010002U + (n << 8U)), protocol_udp}, udp(1, 9, text("x"))));
  }
  RawSender sender = RawSender::packets(a);
  for (const Bytes& packet : packets) {
    ASSERT_EQ(sender.send(packet), 0);
  }
  EXPECT_TRUE(eventually([&] { return sent_by(fans.a, tunnel) >= before + 2900; }))
      << sent_by(fans.a, tunnel) - before << " were sent by the tunnel";
  const std::string neighbours = fans.a.must({"ip", "neigh", "show", "dev", tunnel});
  EXPECT_LE(std::count(neighbours.begin(), neighbours.end(), '\n'), 2) << neighbours;
}

TEST_P(Traffic, TheOuterHeaderIsAsDocumented) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  const bool is_ipip = type() == "ipip";
  Capture outer(fans.b, "eth0", [&](const Frame& f) {
    return !f.outgoing && f.source() == fans.a.address && f.destination() == fans.b.address && f.ttl() == 255 &&
           (is_ipip ? f.protocol() == 4 : f.protocol() == 17 && f.destination_port() == 8472);
  });
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_TRUE(outer.reached(3));
}

} // namespace
} // namespace fan::test
