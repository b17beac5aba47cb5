// `fanctl doctor --peer`: one thing between two hosts is broken, here or there, and exactly that is said, or that it
// cannot be told and what it is one of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "fanctl/output/json.h"
#include "support/frame_relay.h"
#include "support/raw_sender.h"

namespace fan::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DoctorPeer : public OverEach {
protected:
  using Words = std::vector<std::string>;

  static void up(const Host& host, const Words& words) {
    Words line{"up", "250.0.0.0/8"};
    line.insert(line.end(), words.begin(), words.end());
    host.fanctl_must(line);
  }
  void up_both() const {
    up(a, {"eth0/16", "type", type()});
    up(b, {"eth0/16", "type", type()});
  }

  // What `a` says of a peer, which has to be one thing.
  [[nodiscard]] cli::Json finding(const std::string& peer = "172.30.0.28") const {
    const Outcome ran = a.fanctl({"doctor", "--peer", peer, "--json"});
    const cli::Json document = cli::Json::parse(ran.out, nullptr, false);
    cli::Json found;
    for (const cli::Json& one : document["findings"]) {
      if (one["id"] == "peer") {
        EXPECT_TRUE(found.is_null()) << "a second finding: " << one.dump(1);
        found = one;
      }
    }
    EXPECT_FALSE(found.is_null()) << ran.out << ran.err;
    if (found.is_null()) {
      return {{"what", ""}, {"severity", ""}};
    }
    EXPECT_EQ(ran.status == 14, found["severity"] == "problem") << ran.out;
    return found;
  }
  [[nodiscard]] std::string said(const std::string& peer = "172.30.0.28") const {
    const cli::Json found = finding(peer);
    return found["what"].get<std::string>() + "\n" + found.dump(1);
  }
  static auto cannot_tell(const std::string& part) {
    return AllOf(HasSubstr("cannot tell from here; it is one of: "), HasSubstr(part));
  }
  void expect_all_well(const std::string& peer = "172.30.0.28") const {
    EXPECT_THAT(said(peer), HasSubstr("its gateway answers, with the largest packets too"));
  }

  // The tunnel's packets, in nft's words.
  [[nodiscard]] std::string packets_of_tunnel() const { return type() == "ipip" ? "ip protocol 4" : "udp dport 8472"; }
  static void filter(const Netns& netns, const std::string& family, const std::string& hook, const std::string& rule) {
    netns.must({"nft", "add table " + family + " cut; add chain " + family + " cut c { type filter hook " + hook +
                           " priority 0; }; add rule " + family + " cut c " + rule});
  }

  Underlay underlay{NoForgers{}};
  Host& a = underlay.host("172.30.0.27/16");
  Host& b = underlay.host("172.30.0.28/16");
};
FAN_OVER_EACH(DoctorPeer);

// ipip has neither VNI nor port.
class DoctorPeerOverVxlan : public DoctorPeer {};
INSTANTIATE_TEST_SUITE_P(Over, DoctorPeerOverVxlan, ::testing::Values(Encapsulation::vxlan),
                         [](const auto& info) { return info.param.name(); });

TEST_P(DoctorPeer, AllIsWell) {
  up_both();
  expect_all_well();
  expect_all_well("250.0.28.1");
  EXPECT_EQ(finding()["severity"], "note");
  EXPECT_EQ(a.fanctl({"doctor", "--peer", "250.0.27.1"}).status, 2) << "itself";
  EXPECT_EQ(a.fanctl({"doctor", "--peer", "250.0.28.0"}).status, 2) << "nobody";
  EXPECT_EQ(a.fanctl({"doctor", "--peer", "10.0.0.1"}).status, 3);
  RunOptions nobody;
  nobody.uid = 65534;
  EXPECT_EQ(a.fanctl({"doctor", "--peer", "172.30.0.28"}, nobody).status, 4);
}

TEST_P(DoctorPeer, ThePathIsCut) {
  up_both();
  b.ip({"link set eth0 down"});
  EXPECT_THAT(said(), HasSubstr("the peer is not there"));
  b.ip({"link set eth0 up"});
  a.ip({"link set eth0 down"});
  EXPECT_THAT(said(), HasSubstr("this host itself refuses packets to the peer (no-"));
}

TEST_P(DoctorPeer, NoFanIsUp) {
  EXPECT_EQ(a.fanctl({"doctor", "--peer", "172.30.0.28"}).status, 3) << "here";
  up(a, {"eth0/16", "type", type()});
  EXPECT_THAT(said(), cannot_tell("no fan is up on the peer"));
}

TEST_P(DoctorPeer, TheTunnelIsDroppedBetween) {
  up_both();
  filter(underlay.router(), "bridge", "forward", packets_of_tunnel() + " drop");
  EXPECT_THAT(said(), cannot_tell("is dropped on the way"));
  underlay.router().must({"nft", "delete table bridge cut"});
  expect_all_well();
}

TEST_P(DoctorPeer, Encapsulations) {
  if (!kernel_has(Encapsulation::ipip)) {
    GTEST_SKIP() << "no-ipip: this kernel has no ipip";
  }
  const std::string other = type() == "ipip" ? "vxlan" : "ipip";
  up(a, {"eth0/16", "type", type()});
  up(b, {"eth0/16", "type", other});
  EXPECT_THAT(said(), HasSubstr("the two hosts disagree: encapsulation " + type() + " here, " + other + " there"));
}

TEST_P(DoctorPeerOverVxlan, Vnis) {
  up(a, {"eth0/16", "type", type(), "vni", "5"});
  up(b, {"eth0/16", "type", type()});
  EXPECT_THAT(said(), HasSubstr("the two hosts disagree: vni 5 here, 16384001 there"));
  a.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  b.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  up(a, {"eth0/16", "type", type()});
  up(b, {"eth0/16", "type", type(), "vni", "5"});
  EXPECT_THAT(said(), cannot_tell("another vni")) << "nobody can guess it";
}

TEST_P(DoctorPeerOverVxlan, Ports) {
  up(a, {"eth0/16", "type", type(), "port", "5555"});
  up(b, {"eth0/16", "type", type()});
  EXPECT_THAT(said(), HasSubstr("the two hosts disagree: port 5555 here, 8472 there"));
  a.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  b.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  up(a, {"eth0/16", "type", type()});
  up(b, {"eth0/16", "type", type(), "port", "4789"});
  EXPECT_THAT(said(), HasSubstr("the two hosts disagree: port 8472 here, 4789 there"));
  b.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  up(b, {"eth0/16", "type", type(), "port", "5555"});
  EXPECT_THAT(said(), cannot_tell("its fan has an unusual UDP port"));
}

// A machine says "unreachable" six times at once and then once a second: what was asked before is not to change what is
// found.
TEST_P(DoctorPeerOverVxlan, ThePeerHasLittleLeaveToSayUnreachable) {
  up(a, {"eth0/16", "type", type()});
  up(b, {"eth0/16", "type", type(), "port", "5555"});
  RawSender packets = RawSender::packets(a);
  for (int n = 0; n < 20; ++n) {
    EXPECT_EQ(packets.send(ipv4({.source = a.address, .destination = b.address, .ttl = 64}, udp(1, 9, text("x")))), 0);
  }
  EXPECT_THAT(said(), cannot_tell("its fan has an unusual UDP port"));
}

TEST_P(DoctorPeer, LengthsOfTheNetworks) {
  up(a, {"eth0/20", "type", type()});
  up(b, {"eth0/16", "type", type()});
  EXPECT_THAT(said(), HasSubstr("the two hosts disagree: lengths of overlay and underlay"));
  a.fanctl_must({"down", "250.0.0.0/8", "eth0/20"});
  b.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  up(a, {"eth0/16", "type", type()});
  up(b, {"eth0/20", "type", type()});
  EXPECT_THAT(said(), HasSubstr("the two hosts disagree: lengths of overlay and underlay"));
}

TEST_P(DoctorPeer, LargePacketsVanish) {
  up_both();
  filter(underlay.router(), "bridge", "forward", "ip length > 1400 drop");
  EXPECT_THAT(said(), AllOf(HasSubstr("a hole on the path"), HasSubstr("in the tunnel 1300")));
}

// A card that sends on what it is given, with the checksums that it was to fill in as they are.
TEST_P(DoctorPeer, TheNetworkCardFillsInNoChecksums) {
  up_both();
  const FrameRelay card(underlay.router(), a.name, "sw");
  const cli::Json found = finding();
  EXPECT_THAT(found["what"], HasSubstr("checksums that are left to this host's network device do not arrive right"));
  EXPECT_EQ(found["severity"], "problem");
  const RunOptions by_path{.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}};
  a.must({"sh", "-c", found["fix"].get<std::string>()}, by_path);
  expect_all_well();
  const Outcome still = b.fanctl({"doctor", "--peer", "172.30.0.27", "--json"});
  EXPECT_THAT(still.out, HasSubstr("its gateway answers, with the largest packets too")) << "its own card is well";
}

// Nothing is said about checksums where nothing can be known.
TEST_P(DoctorPeer, APeerThatTakesNoUdp) {
  up_both();
  filter(b, "ip", "input", "meta l4proto udp ip saddr 250.0.0.0/8 drop");
  expect_all_well();
}

TEST_P(DoctorPeer, InputIsDropped) {
  up_both();
  filter(a, "ip", "input", packets_of_tunnel() + " drop");
  EXPECT_THAT(said(), HasSubstr("this host itself refuses packets of the peer (firewall)"));
  a.must({"nft", "delete table ip cut"});
  filter(b, "ip", "input", packets_of_tunnel() + " drop");
  EXPECT_THAT(said(), cannot_tell("a firewall on the peer drops"));
  b.must({"nft", "delete table ip cut"});
  filter(b, "ip", "input", packets_of_tunnel() + " reject with icmp type admin-prohibited");
  EXPECT_THAT(said(), HasSubstr("a filter at the peer refuses"));
}

TEST_P(DoctorPeer, ForwardIsDropped) {
  up_both();
  Container c(b, "fan-250-0-28");
  c.address("250.0.28.2/24", *Address::parse("250.0.28.1"));
  ASSERT_TRUE(pings(a, at_b));
  expect_all_well("250.0.28.2");
  filter(b, "ip", "forward", "drop");
  EXPECT_THAT(said("250.0.28.2"), cannot_tell("drops what it forwards"));
  b.must({"nft", "delete table ip cut"});
  filter(a, "ip", "forward", "drop");
  EXPECT_THAT(said("250.0.28.2"), HasSubstr("this host itself refuses packets to the peer (firewall)"));
}

TEST_P(DoctorPeer, TheWayBackIsAnother) {
  up_both();
  const auto lead_away = [](const Host& host, const std::string& peer) {
    host.ip({"link add other type veth peer name rehto", "link set other up", "link set rehto up",
             "route add " + peer + "/32 dev other"});
    host.set_sysctl("net/ipv4/conf/eth0/rp_filter", "1");
  };
  lead_away(b, "172.30.0.27");
  EXPECT_THAT(said(), cannot_tell("rp_filter there"));
  lead_away(a, "172.30.0.28");
  EXPECT_THAT(said(), HasSubstr("this host itself refuses packets of the peer (rp-filter)"));
}

TEST_P(DoctorPeer, TwoHaveOneAddress) {
  up_both();
  Host& third = underlay.host("172.30.0.28/16");
  EXPECT_THAT(said(), HasSubstr("2 machines have the peer's address 172.30.0.28"));
  third.ip({"addr flush dev eth0", "addr add 172.30.0.27/16 dev eth0"});
  EXPECT_THAT(said(), HasSubstr("another machine has this host's address 172.30.0.27 too"));
}

TEST_P(DoctorPeer, TwoHaveOneGateway) {
  up_both();
  Container c(a, "fan-250-0-27");
  c.address("250.0.27.1/24", *Address::parse("250.0.27.3"));
  EXPECT_THAT(said(), HasSubstr("another machine has this host's address 250.0.27.1 too"));
}

} // namespace
} // namespace fan::test
