// What `fanctl trace` says of endpoints behind devices that are no bridge's port, and that it is what becomes of them.
#include <optional>

#include <net/if.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apart.h"
#include "bpf_abi/fan_abi.h"
#include "traced.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

class TraceRouted : public TracedPair {
protected:
  void SetUp() override {
    TracedPair::SetUp();
    if (IsSkipped()) {
      return;
    }
    one.emplace(a, "apart1", "250.0.27.101/24");
    two.emplace(a, "apart2", "250.0.27.102/24");
    a.fanctl_must(one->adding());
    a.fanctl_must(two->adding());
  }
  void put_back() const { a.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type()}); }

  // `reason` "": it arrives, says the trace and says the receiver.
  void expect_end(const Netns& here, Address source, const Netns& there, Address destination,
                  const std::string& reason) const {
    const bool arrives = reason.empty();
    const cli::Json trace = traced(a, {source.str(), destination.str()}, arrives ? 0 : 15);
    EXPECT_EQ(trace["reason"], arrives ? cli::Json() : cli::Json(reason)) << trace.dump(1);
    EXPECT_EQ(comes(here, source, there, destination, arrives), arrives) << trace.dump(1);
  }
  // By all the ways to `one` and from it.
  void expect_all(const std::string& to_it, const std::string& near_to_it, const std::string& from_it) const {
    expect_end(far_away.front(), at_b, *one, one->address, to_it);
    expect_end(at_home.front(), at_a, *one, one->address, near_to_it);
    expect_end(*two, two->address, *one, one->address, near_to_it);
    expect_end(*one, one->address, at_home.front(), at_a, from_it);
    expect_end(*one, one->address, far_away.front(), at_b, from_it);
  }

  std::optional<Apart> one;
  std::optional<Apart> two;
};
FAN_OVER_EACH(TraceRouted);

TEST_P(TraceRouted, BeginsAndEndsAtTheirDevice) {
  ASSERT_TRUE(comes(at_home.front(), at_a, far_away.front(), at_b, true));
  const std::string before = a.fanctl_must({"show", "--stats", "--refused", "--json"});
  expect_way("250.0.27.101", "250.0.27.2", "delivered", "delivered on fan-250-0-27");
  expect_way("250.0.27.2", "250.0.27.101", "delivered", "delivered by apart1");
  expect_way("250.0.27.101", "250.0.27.102", "delivered", "delivered by apart2");
  expect_way("250.0.27.101", "250.0.28.2", "sent", "sent to host 172.30.0.28 by eth0");
  expect_way("250.0.28.2", "250.0.27.101", "delivered", "delivered by apart1");
  expect_way("250.0.27.1", "250.0.27.101", "delivered", "delivered by apart1");
  expect_way("172.30.0.27", "250.0.27.101", "delivered", "delivered by apart1");
  expect_way("250.0.27.101", "250.0.27.1", "delivered", "this host's own 250.0.27.1");
  expect_way("250.0.27.101", "198.51.100.1", "sent", "outside of every fan");
  EXPECT_EQ(a.fanctl_must({"show", "--stats", "--refused", "--json"}), before);
  const cli::Json from = traced(a, {"250.0.27.101", "250.0.27.2"}, 0);
  EXPECT_THAT(hop_text(from, "source", "apart1"), HasSubstr("a routed port"));
  EXPECT_THAT(hop_text(from, "neighbour", "apart1"), HasSubstr("this host answers ARP for 250.0.27.2"));
  const cli::Json to = traced(a, {"250.0.27.2", "250.0.27.101"}, 0);
  EXPECT_THAT(hop_text(to, "neighbour", "fan-250-0-27"), HasSubstr("this host answers ARP for 250.0.27.101"));
  EXPECT_EQ(hop_text(to, "program", "apart1"), "the port's guard lets it pass");
  EXPECT_EQ(hop_text(to, "neighbour", "apart1"), "250.0.27.101 on apart1 is " + one->mac);
  expect_all("", "", "");
}

TEST_P(TraceRouted, SaysWhichPartOfTheirsIsGone) {
  a.ip({"route del 250.0.27.101/32"});
  expect_all("no-route", "no-route", "");
  put_back();
  a.ip({"link set apart1 down"});
  expect_all("no-device", "no-device", "no-device");
  a.ip({"link set apart1 up"});
  put_back();
  a.must({"nft", "delete element inet fanctl port_addresses { \"apart1\" . 250.0.27.101 }"});
  expect_all("", "", "nft-forged");
  put_back();
  for (const char* key : {"net/ipv4/conf/apart1/proxy_arp", "net/ipv4/conf/fan-250-0-27/proxy_arp"}) {
    a.set_sysctl(key, "0");
  }
  expect_end(*one, one->address, at_home.front(), at_a, "no-neighbour");
  expect_end(at_home.front(), at_a, *one, one->address, "no-neighbour");
  expect_end(*one, one->address, far_away.front(), at_b, "");
  put_back();
  a.set_sysctl("net/ipv4/conf/apart1/forwarding", "0");
  expect_all("", "", "no-route");
  put_back();
  a.ip({"neigh replace 250.0.27.101 dev apart1 lladdr " + one->mac + " nud failed"});
  EXPECT_EQ(traced(a, {"250.0.28.2", "250.0.27.101"}, 15)["reason"], "no-neighbour");
}

// The packet arrives, and yet something is to be said.
TEST_P(TraceRouted, SaysWhatIsGoneThatAPacketPassesWithout) {
  a.ip({"neigh del 250.0.27.101 dev apart1"});
  EXPECT_THAT(hop_text(traced(a, {"250.0.28.2", "250.0.27.101"}, 0), "neighbour", "apart1"),
              HasSubstr("not known yet"));
  expect_all("", "", "");
  put_back();
  a.must({"tc", "filter", "del", "dev", "apart1", "egress"});
  EXPECT_THAT(hop_text(traced(a, {"250.0.28.2", "250.0.27.101"}, 0), "program", "apart1"),
              HasSubstr("our guard is not there"));
  expect_all("", "", "");
  put_back();
  a.ip({"neigh replace 250.0.27.101 dev apart1 lladdr 02:00:00:00:00:99 nud permanent"});
  EXPECT_THAT(traced(a, {"250.0.28.2", "250.0.27.101"}, 0).dump(),
              HasSubstr("250.0.27.101 is registered as " + one->mac));
}

// By the guard, on the very device.
TEST_P(TraceRouted, AreKeptApartFromOtherFans) {
  a.fanctl_must({"up", "240.0.0.0/8", "eth0/16", "type", type()});
  Apart other(a, "apart3", "240.0.27.103/24", "240.0.27.1");
  a.fanctl_must(other.adding());
  Container on_bridge(a, "fan-240-0-27");
  on_bridge.address("240.0.27.2/24", *Address::parse("240.0.27.1"));
  const Address bridged = *Address::parse("240.0.27.2");
  expect_end(*one, one->address, other, other.address, "guard-isolated");
  expect_end(other, other.address, *one, one->address, "guard-isolated");
  expect_end(*one, one->address, on_bridge, bridged, "guard-isolated");
  expect_end(on_bridge, bridged, *one, one->address, "guard-isolated");
  EXPECT_EQ(traced(a, {"240.0.28.2", "250.0.27.101"}, 15)["reason"], "in-isolated");
  EXPECT_EQ(traced(a, {"250.0.27.101", "240.0.28.2"}, 15)["reason"], "out-isolated");
  EXPECT_EQ(traced(a, {"250.0.27.101", "240.0.27.1"}, 15)["reason"], "nft-isolated");
}

TEST_P(TraceRouted, FollowTheRowsThatTheirPacketsFollow) {
  alter_rows([&](const bpf::MapSet& maps) {
    const std::uint32_t ifindex = if_nametoindex("apart1");
    ASSERT_TRUE(bpf::erase(maps, bpf::MapRole::devices, &ifindex).ok());
  });
  expect_end(*one, one->address, at_home.front(), at_a, "guard-forged");
  expect_end(*one, one->address, *two, two->address, "guard-forged");
  expect_end(*one, one->address, far_away.front(), at_b, "");
  expect_end(*two, two->address, *one, one->address, "");
}

} // namespace
} // namespace fan::test
