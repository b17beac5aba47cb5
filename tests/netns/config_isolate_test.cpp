// Two fans on each of two hosts: they speak to each other only when both were told to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/raw_sender.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Isolation : public OverEach {
protected:
  Underlay underlay;
  Host& near = underlay.host("172.30.0.27/16");
  Host& far = underlay.host("172.30.0.28/16");

  void up(const Host& host, const char* overlay, bool isolated) const {
    std::vector<std::string> words{"up", overlay, "eth0/16", "type", type()};
    if (!isolated) {
      words.emplace_back("no-isolate");
    }
    host.fanctl_must(words);
  }
  static Container container(const Host& host, const std::string& overlay, const std::string& n) {
    Container c(host, "fan-" + overlay + "-0-" + n);
    c.address(overlay + ".0." + n + ".2/24", *Address::parse(overlay + ".0." + n + ".1"));
    return c;
  }
  // What should come may need patience on a busy machine; what should not is tried once.
  static bool reaches(const Netns& from, Address to, bool expected) {
    return expected ? pings(from, to, {}, 1) : from.run({"ping", "-n", "-c1", "-W1", to.str()}).ok();
  }
  // How often the host counted `reason`.
  static std::string counted(const Host& host, const std::string& reason) {
    const std::string table = host.fanctl_must({"show", "--stats"});
    const std::size_t at = table.find(reason);
    return at == std::string::npos ? "" : table.substr(at, table.find('\n', at) - at);
  }
};
FAN_OVER_EACH_AND_BY_SHORTCUT(Isolation);

const Address other_here = *Address::parse("241.0.27.2");
const Address other_there = *Address::parse("241.0.28.2");
const Address other_gateway_here = *Address::parse("241.0.27.1");
const Address other_gateway_there = *Address::parse("241.0.28.1");
const Address same_there = *Address::parse("250.0.28.2");

TEST_P(Isolation, FansAreKeptApartUnlessBothAreOpen) {
  const struct {
    bool first_isolated, second_isolated, pass;
  } table[] = {{true, true, false}, {true, false, false}, {false, true, false}, {false, false, true}};
  for (const Host* host : {&near, &far}) {
    up(*host, "250.0.0.0/8", true);
    up(*host, "241.0.0.0/8", true);
  }
  const Container a = container(near, "250", "27");
  const Container b = container(near, "241", "27");
  const Container c = container(far, "241", "28");
  const Container d = container(far, "250", "28");
  for (const auto& row : table) {
    for (const Host* host : {&near, &far}) {
      up(*host, "250.0.0.0/8", row.first_isolated);
      up(*host, "241.0.0.0/8", row.second_isolated);
    }
    EXPECT_TRUE(pings(a, same_there, {}, 1));
    EXPECT_TRUE(pings(b, other_there, {}, 1));
    EXPECT_EQ(reaches(a, other_here, row.pass), row.pass) << "on one host";
    EXPECT_EQ(reaches(a, other_there, row.pass), row.pass) << "on two hosts";
    EXPECT_EQ(reaches(a, other_gateway_here, row.pass), row.pass)
        << "a gateway is the host's, and of its fan all the same";
    EXPECT_EQ(reaches(a, other_gateway_there, row.pass), row.pass);
    EXPECT_TRUE(pings(a, near.address, {}, 1)) << "the host's own address is no fan's";
    EXPECT_TRUE(pings(near, other_here, {}, 1)) << "the host itself is in no fan";
    EXPECT_TRUE(pings(near, other_there, {}, 1));
  }
  near.fanctl_must({"show", "--check"});
}

TEST_P(Isolation, EachSideRefusesUnderAReasonOfItsOwn) {
  up(near, "250.0.0.0/8", true);
  up(near, "241.0.0.0/8", true);
  up(far, "250.0.0.0/8", true);
  up(far, "241.0.0.0/8", true);
  const Container a = container(near, "250", "27");
  const Container b = container(near, "241", "27");
  const Container c = container(far, "241", "28");
  EXPECT_FALSE(reaches(a, other_here, false));
  EXPECT_THAT(counted(near, "guard-isolated"), HasSubstr("another"));
  EXPECT_FALSE(reaches(a, other_gateway_here, false));
  EXPECT_THAT(near.must({"nft", "list", "counter", "inet", "fanctl", "isolated"}), Not(HasSubstr("packets 0 ")));
  EXPECT_FALSE(reaches(a, other_there, false));
  EXPECT_THAT(counted(near, "out-isolated"), HasSubstr("another"));
  EXPECT_EQ(counted(far, "in-isolated"), "");
  up(near, "250.0.0.0/8", false); // a host that does not keep to it
  EXPECT_FALSE(reaches(a, other_there, false));
  EXPECT_THAT(counted(far, "in-isolated"), HasSubstr("another"));
}

// With an address of no overlay a packet is of no fan, and so of none that an isolated one is open to.
TEST_P(Isolation, AnAddressOfNoOverlayIsNoWayIntoAnotherFan) {
  up(near, "250.0.0.0/8", true);
  up(near, "241.0.0.0/8", true);
  const Container a = container(near, "250", "27");
  const Container b = container(near, "241", "27");
  const Address nowhere = *Address::parse("10.9.9.9");
  near.set_sysctl("net/ipv4/conf/all/rp_filter", "0");
  near.set_sysctl("net/ipv4/conf/fan-250-0-27/rp_filter", "0");
  const Capture heard(b, "eth0", [&](const Frame& frame) { return frame.source() == nowhere; });
  RawSender sender = RawSender::packets(a);
  const Bytes packet = ipv4({.source = nowhere, .destination = other_here}, udp(7, 7, text("from nowhere")));
  const auto refused = [&] { return counted(near, "guard-isolated") != ""; };
  EXPECT_TRUE(eventually([&] { return sender.send(packet) == 0 && refused(); }));
  EXPECT_EQ(heard.count(), 0U);
  up(near, "250.0.0.0/8", false);
  up(near, "241.0.0.0/8", false);
  EXPECT_TRUE(eventually([&] { return sender.send(packet) == 0 && heard.count() > 0; }));
}

// Docker has such a rule for each network that it makes on a bridge, the fan's among them.
TEST_P(Isolation, AnothersMasqueradeIsNoWayPastIt) {
  for (const bool bridged : {true, false}) {
    SCOPED_TRACE(bridged ? "with br_netfilter" : "without br_netfilter");
    near.set_sysctl("net/bridge/bridge-nf-call-iptables", bridged ? "1" : "0");
    up(near, "250.0.0.0/8", true);
    up(near, "241.0.0.0/8", true);
    near.must({"nft", "add table ip docker { chain post { type nat hook postrouting priority 100 ; ip saddr "
                      "250.0.27.0/24 oifname != \"fan-250-0-27\" counter masquerade ; } ; }"});
    const Container a = container(near, "250", "27");
    const Container b = container(near, "241", "27");
    const Capture asked(b, "eth0", [](const Frame& f) { return !f.outgoing && f.protocol() == protocol_icmp; });
    EXPECT_FALSE(reaches(a, other_here, false));
    EXPECT_EQ(asked.count(), 0U);
    EXPECT_NE(counted(near, "guard-isolated"), "");
    up(near, "250.0.0.0/8", false);
    up(near, "241.0.0.0/8", false);
    const Capture known(b, "eth0", [](const Frame& f) {
      return !f.outgoing && f.protocol() == protocol_icmp && f.source() == *Address::parse("250.0.27.2");
    });
    EXPECT_TRUE(reaches(a, other_here, true));
    EXPECT_TRUE(known.reached(1)) << "the source is kept";
    EXPECT_TRUE(pings(a, Underlay::outside())) << "and what is for the world is translated, by whomever";
    near.must({"nft", "delete", "table", "ip", "docker"});
    near.fanctl_must({"down", "250.0.0.0/8", "eth0/16", "--force"});
    near.fanctl_must({"down", "241.0.0.0/8", "eth0/16", "--force"});
  }
}

} // namespace
} // namespace fan::test
