// What endpoints may ask of a host: of their gateway, of another host's gateway, of the host's own addresses, and of
// the address where clouds keep a host's secrets.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/packet.h"
#include "support/raw_sender.h"
#include "transfer.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

const Address gateway_a = *Address::parse("250.0.27.1");
const Address gateway_b = *Address::parse("250.0.28.1");
constexpr std::uint16_t nobodys_port = 9;

// What should come may need patience on a busy machine; what should not is tried once.
template <class Try>
bool comes(bool expected, Try once) {
  return expected ? eventually(once) : once();
}

// Somebody is there: a service, or a kernel that says that there is none.
bool tcp(const Netns& from, Address to, bool expected = true, std::uint16_t port = nobodys_port) {
  return comes(expected, [&] {
    const Socket socket(from, SOCK_STREAM);
    const timeval patience{0, 300000};
    setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return socket.connect_to(to, port) == 0 || errno == ECONNREFUSED;
  });
}

// `payload` is answered, or refused by ICMP.
bool udp_answers(const Netns& from, Address to, bool expected, std::uint16_t port, const Bytes& payload) {
  return comes(expected, [&] {
    const Socket socket(from, SOCK_DGRAM);
    const timeval patience{0, 300000};
    setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char answer[512];
    return socket.connect_to(to, port) == 0 && send(socket.fd(), payload.data(), payload.size(), 0) > 0 &&
           (recv(socket.fd(), answer, sizeof answer, 0) > 0 || errno == ECONNREFUSED);
  });
}

bool dns(const Netns& from, Address to, bool expected) { // which dnsmasq are you?
  Bytes query{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7};
  for (const Bytes& part : {text("version"), Bytes{4}, text("bind"), Bytes{0, 0, 16, 0, 3}}) {
    query.insert(query.end(), part.begin(), part.end());
  }
  return udp_answers(from, to, expected, 53, query);
}

bool echo(const Netns& from, const std::string& to, bool expected) {
  return comes(expected, [&] { return from.run({"ping", "-n", "-c1", "-W1", to}).ok(); });
}

class HostAccess : public OverEach {
protected:
  static std::string packets(const Host& host, const char* counter) {
    return host.must({"nft", "list", "counter", "inet", "fanctl", counter});
  }
};
FAN_OVER_EACH_AND_BY_SHORTCUT(HostAccess);

TEST_P(HostAccess, EndpointsAskWhatTheyMayAndNothingElse) {
  struct Mode {
    std::vector<std::string> words;
    bool asked, served; // anything; what the gateway serves
  };
  FanPair fans(type());
  fans.up();
  Container a = fans.container_a();
  const Container b = fans.container_b();
  for (const Mode& mode : {Mode{{"dhcp"}, true, true}, Mode{{"dhcp", "host-access", "dhcp"}, false, true},
                           Mode{{"host-access", "none"}, false, false}}) {
    SCOPED_TRACE(mode.words.back());
    fans.a.fanctl_must(fans.line("up", mode.words));
    EXPECT_EQ(echo(a, gateway_a.str(), mode.served), mode.served);
    EXPECT_EQ(echo(b, gateway_a.str(), mode.served), mode.served) << "from another host";
    EXPECT_EQ(tcp(a, gateway_a, mode.asked), mode.asked);
    EXPECT_EQ(tcp(b, gateway_a, mode.asked), mode.asked);
    EXPECT_EQ(udp_answers(a, gateway_a, mode.asked, nobodys_port, text("?")), mode.asked);
    EXPECT_EQ(udp_answers(b, gateway_a, mode.asked, nobodys_port, text("?")), mode.asked);
    EXPECT_EQ(tcp(a, fans.a.address, mode.asked), mode.asked);
    EXPECT_EQ(echo(a, fans.a.address.str(), mode.asked), mode.asked);
    const bool answers = mode.asked || mode.served; // a kernel, at least
    EXPECT_EQ(tcp(a, gateway_a, answers, 53), answers);
    EXPECT_EQ(dns(a, gateway_a, answers), answers);
    if (!mode.asked) {
      EXPECT_FALSE(tcp(b, gateway_a, false, 53)) << "the server is for its own bridge";
    }
    // What the host began, and what is not the host's at all.
    EXPECT_TRUE(pings(fans.a, at_a, {}, 1));
    EXPECT_TRUE(tcp(fans.a, at_a));
    EXPECT_TRUE(tcp(fans.a, at_b));
    EXPECT_TRUE(tcp(a, at_b));
    EXPECT_TRUE(tcp(b, at_a));
    EXPECT_TRUE(tcp(a, Underlay::outside()));
    EXPECT_TRUE(tcp(a, gateway_b)) << "the other host has said nothing";
    EXPECT_EQ(packets(fans.a, "host_access").find("packets 0 ") != std::string::npos, mode.asked);
  }
  EXPECT_THAT(fans.a.fanctl_must({"show", "--stats"}), HasSubstr("nft-host_access"));
}

// Where bridged frames are shown to the host's firewall, one between two ports that bears the host's own address would
// be the first of a connection that the host began.
TEST_P(HostAccess, AForgedFrameOpensNoWayToTheHost) {
  FanPair fans(type());
  const std::string shown = "net/bridge/bridge-nf-call-iptables";
  if (fans.a.sysctl(shown).empty()) {
    GTEST_SKIP() << "no-br-netfilter: this kernel shows bridged frames to no firewall";
  }
  fans.a.set_sysctl(shown, "1");
  fans.up();
  const Container a = fans.container_a();
  const Container other = fans.container_a("250.0.27.3/24");
  const Mac gateway = *Mac::parse(link_field(fans.a, "fan-250-0-27", "link/ether"));
  const auto opens = [&](Address own, std::uint16_t port, bool expected) {
    const Capture answers(a, "eth0", [](const Frame& f) { return !f.outgoing && f.protocol() == protocol_icmp; });
    RawSender sender = RawSender::frames(a, "eth0");
    sender.send(ethernet(a.mac(), other.mac(), 0x0800, ipv4({own, at_a}, udp(nobodys_port, port, text("forged")))));
    return comes(expected, [&] {
      sender.send(ethernet(a.mac(), gateway, 0x0800, ipv4({at_a, own}, udp(port, nobodys_port, text("well?")))));
      return answers.reached(1, std::chrono::milliseconds(300));
    });
  };
  EXPECT_TRUE(opens(gateway_a, 7004, true));
  EXPECT_TRUE(opens(fans.a.address, 7005, true));
  fans.up({"host-access", "none"});
  EXPECT_FALSE(opens(gateway_a, 7006, false));
  EXPECT_FALSE(opens(fans.a.address, 7007, false));
}

TEST_P(HostAccess, AClientGetsItsAddressAndNothingElse) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up", {"dhcp", "host-access", "dhcp"}));
  Container a(fans.a, "fan-250-0-27");
  EXPECT_TRUE(a.dhcp().has_value());
  EXPECT_FALSE(tcp(a, gateway_a, false));
}

// The option holds for what is under way, too: an endpoint's connection is no answer.
TEST_P(HostAccess, AConnectionFromBeforeEnds) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  const Container a = fans.container_a();
  const Socket listener(fans.a, SOCK_STREAM);
  ASSERT_EQ(listener.bind_to(gateway_a, 7777), 0);
  ASSERT_EQ(listen(listener.fd(), 1), 0);
  const Socket client(a, SOCK_STREAM);
  ASSERT_EQ(client.connect_to(gateway_a, 7777), 0);
  const Socket server(accept(listener.fd(), nullptr, nullptr));
  char byte = 0;
  ASSERT_EQ(send(client.fd(), "x", 1, 0), 1);
  ASSERT_EQ(recv(server.fd(), &byte, 1, 0), 1);
  fans.a.fanctl_must(fans.line("up", {"host-access", "none"}));
  ASSERT_EQ(send(client.fd(), "y", 1, 0), 1);
  pause_for(std::chrono::milliseconds(500));
  EXPECT_EQ(recv(server.fd(), &byte, 1, MSG_DONTWAIT), -1);
}

class Metadata : public OverEach {
protected:
  static constexpr const char* where = "169.254.169.254";
};
FAN_OVER_EACH_AND_BY_SHORTCUT(Metadata);

TEST_P(Metadata, IsKeptFromEndpointsWhereverItIs) {
  const Address metadata = *Address::parse(where);
  FanPair fans(type());
  fans.underlay.router().ip({"addr add 169.254.169.254/32 dev lo"});
  fans.a.fanctl_must(fans.line("up"));
  const Container a = fans.container_a();
  EXPECT_TRUE(tcp(a, metadata));
  fans.a.fanctl_must(fans.line("up", {"block-metadata"}));
  EXPECT_FALSE(tcp(a, metadata, false));
  EXPECT_FALSE(echo(a, where, false));
  EXPECT_TRUE(tcp(fans.a, metadata)) << "the host itself";
  EXPECT_TRUE(tcp(a, Underlay::outside()));
  // A proxy on the host, to which it is redirected; and one that has the address itself.
  fans.a.must({"nft", "add table ip proxy { chain pre { type nat hook prerouting priority -100; ip daddr "
                      "169.254.169.254 dnat to 172.30.0.27 ; } ; }"});
  EXPECT_FALSE(tcp(a, metadata, false));
  EXPECT_TRUE(tcp(a, fans.a.address));
  fans.a.must({"nft", "delete table ip proxy"});
  fans.a.ip({"addr add 169.254.169.254/32 dev lo"});
  EXPECT_FALSE(tcp(a, metadata, false));
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_TRUE(tcp(a, metadata));
}

TEST_P(Metadata, IsKeptFromEndpointsOverIpv6WhereTheHostForwardsIt) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  const Container a = fans.container_a();
  fans.a.set_sysctl("net/ipv6/conf/all/forwarding", "1");
  fans.a.must({"sh", "-ec",
               "ip -6 addr add fd02::27/64 dev eth0 nodad; ip -6 addr add fd01::1/64 dev fan-250-0-27 nodad; "
               "ip -6 route add fd00:ec2::/32 via fd02::fe"});
  fans.underlay.router().must(
      {"sh", "-ec",
       "ip -6 addr add fd02::fe/64 dev sw nodad; ip -6 addr add fd00:ec2::254/128 dev lo nodad; "
       "ip -6 addr add fd00:ec2::253/128 dev lo nodad; ip -6 route add fd01::/64 via fd02::27"});
  a.must({"sh", "-ec", "ip -6 addr add fd01::2/64 dev eth0 nodad; ip -6 route add default via fd01::1"});
  EXPECT_TRUE(echo(a, "fd00:ec2::254", true));
  fans.a.fanctl_must(fans.line("up", {"block-metadata"}));
  EXPECT_FALSE(echo(a, "fd00:ec2::254", false));
  EXPECT_TRUE(echo(a, "fd00:ec2::253", true));
  EXPECT_TRUE(echo(a, "fd01::1", true));
  fans.a.fanctl_must(fans.line("up", {"host-access", "dhcp"}));
  EXPECT_FALSE(echo(a, "fd01::1", false)) << "IPv6 is no way round";
  EXPECT_TRUE(echo(fans.a, "fd01::2", true));
}

} // namespace
} // namespace fan::test
