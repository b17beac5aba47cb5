// Rules of routing as words, which packets they are for, which packets of a fan are asked about, and what is advised.
#include "core/policy_rule.h"

#include <gmock/gmock.h>

#include "core/misleading_rule.h"
#include "core/policy_probe.h"
#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

PolicyRule rule_to(std::uint32_t priority, const std::string& to, std::uint32_t table) {
  PolicyRule one;
  one.priority = priority;
  one.destination = given::prefix(to);
  one.action = RuleAction::table;
  one.table = table;
  return one;
}

RoutedPacket routed(const std::string& from, const std::string& to, const std::string& in_device = "") {
  RoutedPacket one;
  one.packet.source = given::address(from);
  one.packet.destination = given::address(to);
  one.in_device = in_device;
  return one;
}

Fan fan_of_rules() {
  return Fan{.spec = given::spec("10 eth0 type vxlan"),
             .mapping = given::mapping("10.0.0.0/8", "172.30.0.0/16"),
             .host = given::address("172.30.0.28"),
             .device = "eth0",
             .bridge = "fan-10-0-28"};
}

TEST(PolicyRule, AllThatItSaysIsInItsWords) {
  PolicyRule all = rule_to(7, "10.0.0.0/8", main_table);
  all.inverted = true;
  all.source = given::prefix("192.0.2.1/32");
  all.tos = 0x10;
  all.mark = 0x1;
  all.mark_mask = 0xff;
  all.in_device = "x;y";
  all.out_device = "eth1";
  all.tunnel_id = 5;
  all.users = {{100, 200}};
  all.protocol = protocol_tcp;
  all.source_ports = {{1, 1}};
  all.destination_ports = {{80, 90}};
  all.ignored_length = 0;
  all.ignored_devices = 9;
  EXPECT_EQ(text_of(all), "7: not from 192.0.2.1 to 10.0.0.0/8 tos 0x10 fwmark 0x1/0xff iif 'x;y' oif eth1 tun_id 5 "
                          "uidrange 100-200 ipproto tcp sport 1 dport 80-90 lookup main suppress_prefixlength 0 "
                          "suppress_ifgroup 9");
  PolicyRule jump = rule_to(8, "0.0.0.0/0", 0);
  jump.action = RuleAction::jump;
  jump.target = 99;
  EXPECT_EQ(text_of(jump), "8: from all goto 99");
}

TEST(PolicyRule, ALineDeletesThisOneOrThereIsNone) {
  const PolicyRule wide = rule_to(100, "10.0.0.0/8", 77);
  PolicyRule narrow = wide;
  narrow.in_device = "eth1";
  EXPECT_EQ(deletion_of(wide, {wide, narrow}), "ip rule del priority 100 from all to 10.0.0.0/8 lookup 77");
  EXPECT_EQ(deletion_of(wide, {narrow, wide}), "") << "the kernel would take the first";
  EXPECT_EQ(deletion_of(narrow, {wide, narrow}), "ip rule del priority 100 from all to 10.0.0.0/8 iif eth1 lookup 77");
  PolicyRule inverted = wide;
  inverted.inverted = true;
  EXPECT_EQ(deletion_of(wide, {inverted, wide}), "");
  EXPECT_NE(deletion_of(wide, {rule_to(99, "10.0.0.0/8", 77), wide}), "");
  PolicyRule strange = wide;
  strange.understood = false;
  EXPECT_EQ(deletion_of(strange, {strange}), "");
}

TEST(PolicyRule, IsForThePacketsThatAllOfItFits) {
  const RoutedPacket own = routed("10.0.28.1", "10.0.0.1");
  const RoutedPacket forwarded = routed("10.0.28.2", "10.0.0.1", "fan-10-0-28");
  PolicyRule one = rule_to(1, "10.0.0.0/8", 77);
  EXPECT_TRUE(is_for(one, own) && is_for(one, forwarded));
  one.in_device = "lo";
  EXPECT_TRUE(is_for(one, own));
  EXPECT_FALSE(is_for(one, forwarded));
  one.inverted = true;
  EXPECT_FALSE(is_for(one, own));
  EXPECT_TRUE(is_for(one, forwarded));
  one = rule_to(1, "0.0.0.0/0", 77);
  one.mark = 1;
  one.mark_mask = 1;
  EXPECT_FALSE(is_for(one, own));
  RoutedPacket marked = own;
  marked.mark = 3;
  EXPECT_TRUE(is_for(one, marked));
  one = rule_to(1, "0.0.0.0/0", 0);
  one.vrf = true;
  EXPECT_FALSE(is_for(one, forwarded));
  RoutedPacket red = forwarded;
  red.in_vrf = true;
  EXPECT_TRUE(is_for(one, red));
}

TEST(PolicyProbe, NoPacketIsForTheGatewayItselfOrForThisHost) {
  const Fan fan = fan_of_rules();
  std::vector<PolicyRule> rules;
  for (const char* to : {"10.0.28.0/24", "10.0.28.1/32", "10.0.0.0/19", "172.30.0.28/32", "172.30.0.28/31", "0.0.0.0/0",
                         "198.51.100.0/24", "10.0.28.2/32", "10.255.255.255/32"}) {
    rules.push_back(rule_to(1, to, 77));
    rules.push_back(rule_to(2, "0.0.0.0/0", 77));
    rules.back().source = given::prefix(to);
  }
  const std::vector<PolicyProbe> probes = policy_probes(fan, rules);
  EXPECT_FALSE(probes.empty());
  for (const PolicyProbe& probe : probes) {
    const Address to = probe.packet.packet.destination;
    SCOPED_TRACE(to.str());
    EXPECT_NE(to, fan.gateway());
    EXPECT_NE(to, fan.host);
    EXPECT_EQ(fan.slice().contains(to), probe.bound == Bound::endpoints);
    EXPECT_EQ(fan.mapping.underlay().contains(to), probe.bound == Bound::underlay);
    EXPECT_EQ(probe.device, probe.bound == Bound::peers       ? "fanvx8472"
                            : probe.bound == Bound::endpoints ? "fan-10-0-28"
                                                              : "eth0");
  }
}

TEST(MisleadingRule, InFrontOfTheFirstRuleOfAllThereIsNoRoomForAnException) {
  MisleadingRule misleading;
  misleading.rule = rule_to(0, "0.0.0.0/0", 77);
  misleading.packets = {{{Bound::peers, routed("0.0.0.0", "10.0.0.1"), "fanvx8472"}, "default dev tun0 table 77"}};
  RuleAdvice advice = advice_on(misleading, fan_of_rules());
  EXPECT_EQ(advice.fix, "");
  EXPECT_THAT(advice.instead, HasSubstr("give it a higher number"));
  misleading.rule->priority = 1;
  advice = advice_on(misleading, fan_of_rules());
  EXPECT_EQ(advice.fix, "ip rule add to 10.0.0.0/8 lookup main priority 0");
  EXPECT_EQ(note_of(advice),
            "a policy rule leads packets to endpoints of other hosts elsewhere (rule 1: from all lookup "
            "77; this host -> 10.0.0.1: default dev tun0 table 77): " +
                advice.fix);
}

} // namespace
} // namespace fan
