// What `fanctl trace` says of packets, and that it is what becomes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf_abi/fan_abi.h"
#include "traced.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

class Trace : public TracedPair {};
FAN_OVER_EACH(Trace);

TEST_P(Trace, TellsEveryWayAndTouchesNoCounter) {
  const std::string before = a.fanctl_must({"show", "--stats", "--refused", "--json"});
  expect_way("250.0.27.2", "250.0.28.2", "sent", "sent to host 172.30.0.28 by eth0");
  expect_way("250.0.27.1", "250.0.28.2", "sent", "sent to host 172.30.0.28 by eth0");
  expect_way("172.30.0.27", "250.0.28.2", "sent", "sent to host 172.30.0.28 by eth0");
  expect_way("250.0.28.2", "250.0.27.2", "delivered", "delivered on fan-250-0-27");
  expect_way("250.0.28.2", "250.0.27.1", "delivered", "this host's own 250.0.27.1");
  expect_way("250.0.27.2", "250.0.27.3", "delivered", "from port to port");
  expect_way("250.0.27.2", "250.0.27.1", "delivered", "this host's own 250.0.27.1");
  expect_way("250.0.27.1", "250.0.27.3", "delivered", "delivered on fan-250-0-27");
  expect_way("250.0.27.2", "198.51.100.1", "sent", "outside of every fan");
  expect_refused({"250.0.27.2", "250.0.28.255"}, "out-not-endpoint");
  EXPECT_EQ(a.fanctl_must({"show", "--stats", "--refused", "--json"}), before);
}

TEST_P(Trace, SaysTheOuterHeaderAndTheSourceThatTheHostSpeaksWith) {
  const cli::Json sent = outer_of(traced(a, {"250.0.27.2", "250.0.28.2"}, 0));
  EXPECT_EQ(sent["source"], "172.30.0.27");
  EXPECT_EQ(sent["destination"], "172.30.0.28");
  EXPECT_EQ(sent["ttl"], 255);
  EXPECT_EQ(sent["vni"], type() == "ipip" ? 0 : 0xfa0001);
  const cli::Json arrives = outer_of(traced(a, {"250.0.28.2", "250.0.27.2"}, 0));
  EXPECT_EQ(arrives["source"], "172.30.0.28");
  EXPECT_EQ(arrives["destination"], "172.30.0.27");
  const std::string of_host = a.fanctl_must({"trace", "172.30.0.27", "250.0.28.2"});
  EXPECT_THAT(of_host, HasSubstr("leaves with the source 250.0.27.1"));
  EXPECT_THAT(a.fanctl_must({"trace", "250.0.28.2", "250.0.27.2"}), HasSubstr(at_home.front().port()));
}

TEST_P(Trace, NamesTheReasonOfEachRefusal) {
  expect_refused({"250.0.27.2", "250.0.28.0"}, "out-not-endpoint");
  expect_refused({"250.0.27.2", "250.0.0.5"}, "out-broadcast");
  expect_refused({"250.0.27.2", "250.255.255.9"}, "out-broadcast");
  expect_refused({"250.0.28.0", "250.0.27.2"}, "in-source-unusable");
  expect_refused({"250.0.28.2", "250.0.27.255"}, "in-destination");
  expect_refused({"250.0.28.2", "250.0.99.2"}, "in-destination");
  expect_refused({"250.0.28.2", "250.0.27.1", "--proto", "4"}, "in-tunnel-in-tunnel");
  expect_refused({"198.51.100.1", "250.0.27.2", "--proto", "tcp", "--dport", "22"}, "nft-outside");
  expect_refused({"250.0.27.2", "172.30.0.28", "--proto", "4"}, "nft-smuggled");
  const char* too_many = type() == "ipip" ? "1481" : "1451";
  expect_refused({"250.0.27.2", "250.0.28.2", "--size", too_many, "--df"}, "too-big");
  EXPECT_THAT(a.fanctl_must({"trace", "250.0.27.2", "250.0.28.2", "--size", too_many}), HasSubstr("are fragmented"));
  EXPECT_THAT(a.fanctl_must({"trace", "250.0.27.2", "250.0.28.2", "--size", "1450", "--df"}), HasSubstr("\nsent to"));
}

TEST_P(Trace, NamesWhatTheHostRefuses) {
  a.ip({"neigh replace 172.30.0.28 dev eth0 lladdr 02:00:00:00:00:01 nud failed"});
  expect_refused({"250.0.27.2", "250.0.28.2"}, "no-neighbour");
  a.ip({"neigh del 172.30.0.28 dev eth0", "route add blackhole 172.30.0.29/32", "route add prohibit 172.30.0.30/32"});
  expect_refused({"250.0.27.2", "250.0.30.2"}, "no-route");
  expect_refused({"250.0.27.2", "250.0.29.2"}, "no-route");
  a.ip({"route add blackhole 250.0.31.0/24"});
  expect_refused({"250.0.27.2", "250.0.31.2"}, "no-route");
  expect_refused({"172.30.0.27", "250.0.31.2"}, "no-route");
  const std::string port = at_home.front().port();
  a.must({"bridge", "fdb", "replace", at_home.front().mac().str(), "dev", port, "master", "static"});
  a.ip({"link set " + port + " mtu 1000"});
  expect_refused({"250.0.28.2", "250.0.27.2", "--size", "1400"}, "too-big");
  a.ip({"link set " + port + " down"});
  expect_refused({"250.0.28.2", "250.0.27.2"}, "port-down");
  a.ip({"link set " + port + " mtu 1450 up"});
  a.must({"nft", "add table ip other; add chain ip other f { type filter hook forward priority 0; policy drop; }"});
  expect_refused({"250.0.27.2", "250.0.28.2"}, "firewall");
  expect_refused({"250.0.28.2", "250.0.27.2"}, "firewall");
  a.must({"nft", "delete table ip other; add table ip other; "
                 "add chain ip other i { type filter hook input priority 0; policy drop; }"});
  expect_refused({"250.0.28.2", "250.0.27.2"}, "firewall");
  EXPECT_EQ(traced(a, {"250.0.27.2", "250.0.28.2"}, 0)["verdict"], "sent");
  a.must({"nft", "delete table ip other; add table ip other; "
                 "add chain ip other p { type filter hook postrouting priority 0; }; "
                 "add rule ip other p ip saddr 250.0.27.0/24 drop"});
  expect_refused({"250.0.27.2", "250.0.28.2"}, "firewall");
  a.must({"nft", "delete table ip other"});
  // The way back to the peer by another device.
  a.ip({"link add other type veth peer name rehto", "link set other up", "link set rehto up",
        "route add 172.30.0.28/32 dev other"});
  a.set_sysctl("net/ipv4/conf/eth0/rp_filter", "1");
  expect_refused({"250.0.28.2", "250.0.27.2"}, "rp-filter");
  a.ip({"link set fan-250-0-27 down"});
  expect_refused({"250.0.27.2", "250.0.28.2"}, "no-device");
}

// Then there are two tables of ours.
TEST_P(Trace, JudgesTheRulesOfAFanWithEndpointsToo) {
  const Container& one = at_home.front();
  a.fanctl_must({"endpoint", "add", "--port", one.port(), "--address", "250.0.27.2", "--mac", one.mac().str()});
  expect_refused({"8.8.8.8", "250.0.27.2"}, "nft-outside");
}

TEST_P(Trace, KnowsThePathThatThePacketDoesNotFit) {
  a.ip({"route add 172.30.0.28/32 dev eth0 mtu lock 1400"});
  const std::string most = std::to_string(1400 - overhead_of(GetParam()));
  const cli::Json trace = traced(a, {"250.0.27.2", "250.0.28.2", "--size", "1440", "--df"}, 15);
  EXPECT_EQ(trace["reason"], "out-too-big");
  EXPECT_THAT(trace["summary"].get<std::string>(), HasSubstr("the sender is told " + most));
  EXPECT_EQ(traced(a, {"250.0.27.2", "250.0.28.2", "--size", most, "--df"}, 0)["verdict"], "sent");
}

TEST_P(Trace, FansAreKeptApart) {
  a.fanctl_must({"up", "240.0.0.0/8", "eth0/16", "type", type()});
  expect_refused({"250.0.27.2", "240.0.28.2"}, "out-isolated");
  expect_refused({"240.0.28.2", "250.0.27.2"}, "in-isolated");
  expect_refused({"250.0.27.2", "240.0.27.2"}, "guard-isolated");
  expect_refused({"198.51.100.1", "240.0.28.2"}, "out-source");
}

// The answer is the programs' own, over their own rows, not arithmetic that is done beside them.
TEST_P(Trace, FollowsTheRowsThatThePacketsFollow) {
  alter_rows([&](const bpf::MapSet& maps) {
    auto slices = bpf::entries<fan_lpm_key, fan_slice>(maps, bpf::MapRole::slices);
    ASSERT_TRUE(slices.ok());
    for (auto& [key, slice] : *slices) {
      slice.underlay.words[3] = bpf::encode(*Address::parse("172.31.0.0")).words[3];
      ASSERT_TRUE(bpf::put(maps, bpf::MapRole::slices, &key, &slice).ok());
    }
  });
  const Outcome altered = a.fanctl({"trace", "250.0.27.2", "250.0.28.2"});
  EXPECT_THAT(altered.out, HasSubstr("172.30.0.27 -> 172.31.0.28"));
  EXPECT_THAT(altered.out, HasSubstr("the programs' rows were altered"));
  expect_refused({"250.0.28.2", "250.0.27.2"}, "in-source-forged");
  a.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type()});
  expect_way("250.0.27.2", "250.0.28.2", "sent", "sent to host 172.30.0.28 by eth0");
}

TEST_P(Trace, SaysWhatKeepsItFromAnswering) {
  a.must({"tc", "filter", "del", "dev", tunnel(), "egress"});
  const Outcome gone = a.fanctl({"trace", "250.0.27.2", "250.0.28.2"});
  EXPECT_EQ(gone.status, 3);
  EXPECT_THAT(gone.err, HasSubstr("is not attached to " + tunnel()));
  a.must({"nft", "add rule inet fanctl forward accept"});
  EXPECT_THAT(a.fanctl({"trace", "250.0.28.2", "250.0.27.2"}).out, HasSubstr("its rules are not judged"));
  RunOptions nobody;
  nobody.uid = 65534;
  EXPECT_EQ(a.fanctl({"trace", "250.0.27.2", "250.0.28.2"}, nobody).status, 4);
}

} // namespace
} // namespace fan::test
