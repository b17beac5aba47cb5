// `shortcut`: endpoints of two hosts speak past the hosts' own forwarding. Who sees their packets then and who does
// not, what still goes by the host, and that nothing arrives which did not before.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/raw_sender.h"
#include "support/udp_stream.h"
#include "transfer.h"

namespace fan::test {
namespace {

const Address gateway_a{0xfa001b01U}; // 250.0.27.1
const std::vector<std::string> shortcut{"shortcut"};

// With br_netfilter the firewall sees frames before the bridge hands them up to the host; without it later, or never.
void set_br_netfilter(const FanPair& fans, bool on) {
  for (const Host* host : {&fans.a, &fans.b}) {
    host->set_sysctl("net/bridge/bridge-nf-call-iptables", on ? "1" : "0");
  }
}

class Shortcut : public OverEach {};
FAN_OVER_EACH(Shortcut);

// What somebody else's firewall counts at the hook forward of a host.
class Bystander {
public:
  explicit Bystander(const Host& host) : host_(host) {
    host.must({"nft", "add table ip watch { counter seen { } ; chain forward { type filter hook forward priority 0; "
                      "ip protocol udp ip saddr 250.0.0.0/8 ip daddr 250.0.0.0/8 counter name seen ; } ; }"});
  }
  [[nodiscard]] std::uint64_t seen() const {
    const std::string text = host_.must({"nft", "list", "counter", "ip", "watch", "seen"});
    return std::stoull(text.substr(text.find("packets ") + 8));
  }
  [[nodiscard]] bool tracked() const {
    return host_.must({"conntrack", "-L", "-p", "udp"}).find("src=250.0.27.2 dst=250.0.28.2") != std::string::npos;
  }

private:
  const Host& host_;
};

TEST_P(Shortcut, OtherFirewallsSeeTheEndpointsPacketsWithoutItAndNotWithIt) {
  for (const bool bridged : {true, false}) {
    SCOPED_TRACE(bridged ? "with br_netfilter" : "without br_netfilter");
    FanPair fans(type());
    set_br_netfilter(fans, bridged);
    fans.up(shortcut);
    const Bystander at_sender(fans.a);
    const Bystander at_receiver(fans.b);
    const Container a = fans.container_a();
    const Container b = fans.container_b();
    EXPECT_TRUE(pings(a, at_b)); // who is where is known by then
    EXPECT_TRUE(pings(b, at_a));
    const Capture routed_twice(b, "eth0", [](const Frame& f) {
      return !f.outgoing && f.source() == at_a && f.protocol() == protocol_udp && f.ttl() == 62;
    });
    UdpStream stream(a, b, at_b);
    EXPECT_TRUE(stream.reached(300));
    EXPECT_TRUE(routed_twice.reached(300)) << "each host takes one from the TTL, as ever";
    EXPECT_EQ(at_sender.seen() + at_receiver.seen(), 0U);
    EXPECT_FALSE(at_sender.tracked() || at_receiver.tracked());
    for (Host* host : {&fans.a, &fans.b}) { // in the middle of the stream
      host->fanctl_must(fans.line("up"));
    }
    const std::uint64_t before = at_sender.seen();
    EXPECT_TRUE(eventually([&] { return at_sender.seen() > before + 50 && at_receiver.seen() > 50; }));
    EXPECT_TRUE(at_sender.tracked() && at_receiver.tracked());
    fans.up(shortcut);
    const std::uint64_t then = at_sender.seen() + at_receiver.seen();
    const UdpStreamReport report = stream.stop();
    EXPECT_LE(at_sender.seen() + at_receiver.seen(), then + 1);
    EXPECT_EQ(report.lost, 0U);
    EXPECT_EQ(report.source, at_a);
  }
}

// A connection that conntrack knows goes on, and so does one that it does not know.
TEST_P(Shortcut, ConnectionsSurviveTheSwitchingBothWays) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b));
  TcpStream stream(a, b, at_b);
  ASSERT_TRUE(stream.goes_on());
  for (int n = 0; n < 3; ++n) {
    fans.up(shortcut);
    EXPECT_TRUE(stream.goes_on()) << "by the shortcut";
    fans.up();
    EXPECT_TRUE(stream.goes_on()) << "by the host";
  }
  EXPECT_EQ(stream.stop(), 0U);
}

TEST_P(Shortcut, LargeAndManySegmentsArriveWhole) {
  FanPair fans(type());
  fans.up(shortcut);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_EQ(tcp_transfer(a, b, at_b, 16U << 20U), 16U << 20U);
  EXPECT_EQ(tcp_transfer(b, a, at_a, 16U << 20U), 16U << 20U);
  EXPECT_TRUE(a.run({"ping", "-n", "-q", "-c", "3", "-i", "0.1", "-s", "4000", at_b.str()}).ok()) << "in fragments";
}

// What a router has something to say to, it says.
TEST_P(Shortcut, WhatIsOutOfTheOrdinaryGoesByTheHost) {
  FanPair fans(type());
  fans.up(shortcut);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b));
  for (const char* ttl : {"1", "2"}) {
    const Outcome outcome = a.run({"ping", "-n", "-c", "1", "-W", "2", "-t", ttl, at_b.str()});
    EXPECT_NE(outcome.out.find("Time to live exceeded"), std::string::npos) << "ttl " << ttl << "\n" << outcome.out;
  }
  EXPECT_TRUE(a.run({"ping", "-n", "-q", "-c", "1", "-W", "5", "-t", "3", at_b.str()}).ok());
  const Outcome route = a.run({"ping", "-n", "-c", "1", "-W", "5", "-R", at_b.str()});
  EXPECT_NE(route.out.find("RR:"), std::string::npos) << route.out;
  const Outcome nobody = a.run({"ping", "-n", "-c", "1", "-W", "8", "250.0.28.77"});
  EXPECT_NE(nobody.out.find("Destination Host Unreachable"), std::string::npos) << nobody.out;
  EXPECT_TRUE(pings(a, *Address::parse("250.0.28.1"))) << "the other host's own address";
  EXPECT_TRUE(pings(fans.a, at_b)) << "and a process of the host";
  EXPECT_TRUE(pings(a, Underlay::outside())) << "and the world";
}

// An endpoint that goes is missed: the neighbour's entry ages as it does without the shortcut.
TEST_P(Shortcut, AnEndpointThatWentIsReportedToTheSender) {
  FanPair fans(type());
  fans.up(shortcut);
  for (const char* key : {"base_reachable_time_ms", "delay_first_probe_time", "retrans_time_ms"}) {
    fans.b.set_sysctl(fmt::format("net/ipv4/neigh/fan-250-0-28/{}", key), key[0] == 'd' ? "1" : "500");
  }
  const Container a = fans.container_a();
  {
    const Container b = fans.container_b();
    EXPECT_TRUE(pings(a, at_b));
  }
  EXPECT_TRUE(eventually([&] {
    return a.run({"ping", "-n", "-c", "1", "-W", "4", at_b.str()}).out.find("Destination Host Unreachable") !=
           std::string::npos;
  }));
}

// Three connections that a host translates, between endpoints; the answers have to come back to that host.
TEST_P(Shortcut, WhatAHostTranslatesBetweenEndpointsIsAnswered) {
  for (const bool bridged : {true, false}) {
    SCOPED_TRACE(bridged ? "with br_netfilter" : "without br_netfilter");
    FanPair fans(type());
    set_br_netfilter(fans, bridged);
    fans.up(shortcut);
    const Container a = fans.container_a();
    const Container b = fans.container_b();
    fans.a.must({"nft", "add table ip mine { chain pre { type nat hook prerouting priority -100 ; ip daddr 192.0.2.1 "
                        "dnat to 250.0.28.2 ; ip daddr 250.0.27.1 tcp dport 7100 dnat to 250.0.27.2 ; ip daddr "
                        "250.0.27.1 icmp type echo-request dnat to 250.0.27.2 ; } ; }"});
    EXPECT_TRUE(pings(a, at_b));
    EXPECT_TRUE(pings(b, at_a));
    const Address somewhere = *Address::parse("192.0.2.1");
    const Capture asked_b(b, "eth0", [&](const Frame& f) { return !f.outgoing && f.source() == gateway_a; });
    EXPECT_TRUE(pings(a, somewhere)) << "from an endpoint here to one on another host";
    EXPECT_EQ(tcp_transfer(a, b, somewhere, 100000), 100000U);
    EXPECT_TRUE(asked_b.reached(3)) << "it comes as the gateway";
    const Capture asked_a(a, "eth0", [&](const Frame& f) { return !f.outgoing && f.source() == gateway_a; });
    EXPECT_TRUE(pings(b, gateway_a)) << "from another host's endpoint to one here";
    EXPECT_EQ(tcp_transfer(b, a, gateway_a, 100000), 100000U);
    EXPECT_TRUE(asked_a.reached(3)) << "it comes as the gateway";
  }
}

// As firewalld and many rulesets by hand do, and counts.
void drop_invalid(const Host& host) {
  host.must({"nft", "add table ip strict { chain forward { type filter hook forward priority 0; ct state invalid "
                    "counter drop ; } ; }"});
}

// What comes by the shortcut is answered by it, although the tunnel device has no neighbour yet: the host would take
// the answer to what it never saw for invalid. The endpoint's own neighbour is known, as it has spoken to its gateway.
TEST_P(Shortcut, TheFirstAnswerTakesTheShortcutThatItsQuestionTook) {
  FanPair fans(type());
  set_br_netfilter(fans, false);
  fans.up(shortcut);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  drop_invalid(fans.b);
  EXPECT_TRUE(pings(b, *Address::parse("250.0.28.1")));
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_NE(fans.b.must({"nft", "list", "table", "ip", "strict"}).find("packets 0 "), std::string::npos);
}

// The answers go by the hosts, so what they answer has to do so too, or a firewall takes them for nobody's.
TEST_P(Shortcut, WhatAHostAsksOfAnEndpointElsewhereTakesNone) {
  FanPair fans(type());
  set_br_netfilter(fans, false);
  fans.up(shortcut);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  drop_invalid(fans.b);
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_TRUE(pings(fans.a, at_b));
  EXPECT_EQ(tcp_transfer(fans.a, b, at_b, 100000), 100000U);
}

// A frame's source is of the slice that lives on its bridge, or the host judges it; with the firewall blind to bridges
// and taken away, it is the tunnel's programs alone that do.
TEST_P(Shortcut, AForgedSourceTakesNoShortcut) {
  for (const bool bridged : {true, false}) {
    SCOPED_TRACE(bridged ? "with br_netfilter" : "without br_netfilter");
    FanPair fans(type());
    set_br_netfilter(fans, bridged);
    fans.up(shortcut);
    fans.a.fanctl_must({"up", "251.0.0.0/8", "eth0/16", "type", type(), "shortcut"});
    const Container a = fans.container_a();
    const Container b = fans.container_b();
    Container other(fans.a, "fan-251-0-27");
    other.address("251.0.27.2/24", *Address::parse("251.0.27.1"));
    EXPECT_TRUE(pings(a, at_b));
    EXPECT_TRUE(pings(b, at_a));
    const Bytes lie = text("believe me");
    const auto lies = [&](const Frame& f) {
      return std::search(f.bytes.begin(), f.bytes.end(), lie.begin(), lie.end()) != f.bytes.end();
    };
    const Capture believed(b, "eth0", [&](const Frame& f) { return !f.outgoing && lies(f); });
    const Capture told_by_other(other, "eth0", [&](const Frame& f) { return f.outgoing && lies(f); });
    const Capture told_by_a(a, "eth0", [&](const Frame& f) { return f.outgoing && lies(f); });
    const auto from = [&](const char* source) {
      return ipv4({.source = *Address::parse(source), .destination = at_b}, udp(7, 7, lie));
    };
    RawSender by_wrong_bridge = RawSender::packets(other);
    by_wrong_bridge.start({from("250.0.27.2"), from("250.0.27.9"), from("250.0.26.2"), from("198.51.100.7")});
    RawSender by_own_bridge = RawSender::packets(a);
    by_own_bridge.start({from("250.0.26.2"), from("250.0.27.0"), from("250.0.27.255"), from("250.0.28.9"),
                         from("251.0.27.2"), from("127.0.0.1"), from("172.30.0.27")});
    EXPECT_TRUE(told_by_other.reached(40));
    EXPECT_TRUE(told_by_a.reached(70));
    by_wrong_bridge.stop();
    by_own_bridge.stop();
    pause_for(std::chrono::milliseconds(200)); // what is under way arrives
    EXPECT_EQ(believed.count(), 0U);
    RawSender honest = RawSender::packets(a);
    honest.start({from("250.0.27.2")});
    EXPECT_TRUE(believed.reached(3)) << "the test sees what it looks for";
  }
}

TEST_P(Shortcut, ABridgeThatWasMadeAnewIsDriftThatUpRepairs) {
  FanPair fans(type());
  fans.up(shortcut);
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0) << fans.a.fanctl({"show", "-v"}).out;
  fans.a.ip({"link del fan-250-0-27"});
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 8);
  fans.a.fanctl_must(fans.line("up", shortcut));
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0) << fans.a.fanctl({"show", "-v"}).out;
  const Bystander watch(fans.a);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_TRUE(pings(b, at_a));
  UdpStream stream(a, b, at_b);
  EXPECT_TRUE(stream.reached(100));
  EXPECT_EQ(watch.seen(), 0U);
  fans.a.must({"tc", "filter", "del", "dev", "fan-250-0-27", "ingress"});
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 8) << "its program is an object as any";
  fans.a.fanctl_must(fans.line("up", shortcut));
  EXPECT_EQ(stream.stop().lost, 0U) << "and what it no longer took went by the host";
}

} // namespace
} // namespace fan::test
