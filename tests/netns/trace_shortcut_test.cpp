// What `fanctl trace` says of packets that go past the host's own forwarding, and that it is what becomes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf_abi/fan_abi.h"
#include "traced.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

class TraceShortcut : public TracedPair {
protected:
  void SetUp() override {
    TracedPair::SetUp();
    if (IsSkipped()) {
      return;
    }
    put_back();
    // From now on what takes it passes a, and nothing else between two endpoints does.
    a.must({"nft", "add table ip other; add chain ip other f { type filter hook forward priority 0; policy drop; }"});
    ASSERT_TRUE(pings(at_home.front(), *Address::parse("250.0.27.1")));
  }
  void put_back() const { a.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type(), "shortcut"}); }
  void show_frames_to_the_firewall(bool shown) const {
    a.set_sysctl("net/bridge/bridge-nf-call-iptables", shown ? "1" : "0");
  }

  // `reason` "": it takes the shortcut, and comes.
  void expect_out(const std::string& reason, const std::string& saying = "") const {
    const cli::Json trace = traced(a, {at_a.str(), at_b.str()}, reason.empty() ? 0 : 15);
    EXPECT_EQ(trace["reason"], reason.empty() ? cli::Json() : cli::Json(reason)) << trace.dump(1);
    EXPECT_EQ(hop_text(trace, "shortcut", "fan-250-0-27").empty(), !reason.empty()) << trace.dump(1);
    EXPECT_THAT(hop_text(trace, "program", "fan-250-0-27"), HasSubstr(saying)) << trace.dump(1);
    EXPECT_EQ(comes(at_home.front(), at_a, far_away.front(), at_b, reason.empty()), reason.empty()) << trace.dump(1);
  }
  void expect_in(const std::string& reason) const {
    const cli::Json trace = traced(a, {at_b.str(), at_a.str()}, reason.empty() ? 0 : 15);
    EXPECT_EQ(trace["reason"], reason.empty() ? cli::Json() : cli::Json(reason)) << trace.dump(1);
    EXPECT_EQ(hop_text(trace, "shortcut", tunnel()).empty(), !reason.empty()) << trace.dump(1);
    EXPECT_EQ(comes(far_away.front(), at_b, at_home.front(), at_a, reason.empty()), reason.empty()) << trace.dump(1);
  }
  void expect_left(const std::vector<std::string>& words, const std::string& device, const std::string& why) const {
    const cli::Json trace = traced(a, words, 15);
    EXPECT_EQ(trace["reason"], "firewall") << trace.dump(1);
    EXPECT_TRUE(trace.dump().find("takes no shortcut, but goes by this host's forwarding: " + why) != std::string::npos)
        << device << trace.dump(1);
  }
};
FAN_OVER_EACH(TraceShortcut);

TEST_P(TraceShortcut, PassesWhatDropsAtForwardAndTouchesNoCounter) {
  for (const bool shown : {true, false}) {
    show_frames_to_the_firewall(shown);
    expect_out("");
    expect_in("");
  }
  const std::string before = a.fanctl_must({"show", "--stats", "--refused", "--json"});
  expect_way("250.0.27.2", "250.0.28.2", "sent", "sent to host 172.30.0.28 by eth0");
  expect_way("250.0.28.2", "250.0.27.2", "delivered", "delivered on fan-250-0-27");
  expect_way("250.0.28.2", "250.0.27.1", "delivered", "this host's own 250.0.27.1");
  expect_refused({"250.0.28.2", "250.0.27.255"}, "in-destination");
  expect_refused({"250.0.27.2", "250.0.28.255"}, "firewall");
  EXPECT_EQ(a.fanctl_must({"show", "--stats", "--refused", "--json"}), before);
}

// Under br_netfilter what is at prerouting comes first.
TEST_P(TraceShortcut, MeetsPreroutingWhereFramesAreShownToIt) {
  a.must({"nft", "add chain ip other p { type filter hook prerouting priority 0; }; "
                 "add rule ip other p ip saddr 250.0.27.2 drop"});
  show_frames_to_the_firewall(false);
  expect_out("");
  show_frames_to_the_firewall(true);
  expect_out("firewall");
  a.must({"nft", "flush chain ip other p; add rule ip other p ip saddr 250.0.28.2 drop"});
  expect_out("");
  expect_in("");
}

TEST_P(TraceShortcut, LeavesWhatIsOutOfTheOrdinaryToTheHost) {
  for (const bool shown : {true, false}) {
    show_frames_to_the_firewall(shown);
    const std::string bridge = "fan-250-0-27";
    expect_left({"250.0.27.2", "250.0.28.1"}, bridge, "only what endpoints of one overlay");
    EXPECT_FALSE(comes(at_home.front(), at_a, b, *Address::parse("250.0.28.1"), false));
    expect_left({"250.0.28.1", "250.0.27.2"}, tunnel(), "only what endpoints of one overlay");
    expect_left({"250.0.27.2", "198.51.100.1"}, bridge, "only what endpoints of one overlay");
    expect_left({"250.0.27.2", "250.0.28.2", "--size", "2000"}, bridge, "it does not fit the ");
    expect_left({"250.0.28.2", "250.0.27.2", "--size", "2000"}, tunnel(), "it does not fit the ");
    expect_left({"250.0.28.2", "250.0.27.77"}, tunnel(), "this host does not know the neighbour yet");
    a.ip({"route add 250.0.29.0/24 via 172.30.255.254"});
    expect_left({"250.0.27.2", "250.0.29.2"}, bridge, "the route leads to eth0");
    a.ip({"route del 250.0.29.0/24 via 172.30.255.254"});
  }
  a.set_sysctl("net/ipv4/conf/fan-250-0-27/forwarding", "0");
  expect_out("no-route", "no route leads there, or forwarding is off");
  put_back();
  expect_out("");
  a.set_sysctl("net/ipv4/conf/" + tunnel() + "/forwarding", "0");
  expect_in("no-route");
  put_back();
  expect_in("");
}

TEST_P(TraceShortcut, FollowsTheRowsThatThePacketsFollow) {
  alter_rows([&](const bpf::MapSet& maps) {
    auto bridges = bpf::entries<fan_lpm_key, std::uint32_t>(maps, bpf::MapRole::bridges);
    ASSERT_TRUE(bridges.ok());
    ASSERT_EQ(bridges->size(), 1U);
    const std::uint32_t other = bridges->front().value + 1000;
    ASSERT_TRUE(bpf::put(maps, bpf::MapRole::bridges, &bridges->front().key, &other).ok());
  });
  expect_out("firewall", "out of the ordinary");
  expect_in("firewall");
  put_back();
  expect_out("");
  expect_in("");
}

TEST_P(TraceShortcut, SaysThatItsProgramIsGone) {
  a.must({"tc", "filter", "del", "dev", "fan-250-0-27", "ingress"});
  expect_out("firewall", "the shortcut's program is not there");
  put_back();
  expect_out("");
}

} // namespace
} // namespace fan::test
