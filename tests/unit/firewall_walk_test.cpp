// Packets followed through filters of others: what is certain is claimed, and nothing else.
#include <gtest/gtest.h>

#include "core/firewall_obstacles.h"
#include "core/firewall_walk.h"

namespace fan::firewall {
namespace {

Rule rule(std::vector<Condition> conditions, Action action, std::string target = {}) {
  return {std::move(conditions), action, std::move(target), {}};
}
Condition from(const char* prefix, bool negated = false) {
  const Prefix p = *Prefix::parse(prefix);
  return {Subject::source, negated, {}, {{p.network().v4(), p.broadcast().v4()}}};
}
Condition device(const char* name, bool negated = false) {
  return {Subject::in_device, negated, {name}, {}};
}

Table table_of(std::vector<Rule> rules, bool drops, int priority = 0) {
  Table table{Owner::nft, "ip", "t", {}};
  table.chains["base"] = Chain{Base{Hook::forward, priority, drops}, std::move(rules)};
  return table;
}

Probe probe() {
  Probe p;
  p.hooks = {Hook::forward};
  p.in_device = "fan-250-0-27";
  p.out_device = "fanvx8472";
  p.source = *Prefix::parse("250.0.27.0/24");
  p.destination = *Prefix::parse("250.0.0.0/8");
  p.protocol = 6;
  return p;
}

bool dropped(const Table& table) {
  return certain_drop({table}, probe()).has_value();
}

TEST(FirewallWalk, APolicyDropsWhatNoRuleAccepts) {
  EXPECT_TRUE(dropped(table_of({}, true)));
  EXPECT_FALSE(dropped(table_of({}, false)));
  EXPECT_FALSE(dropped(table_of({rule({from("250.0.0.0/8")}, Action::accept)}, true)));
  EXPECT_TRUE(dropped(table_of({rule({from("10.0.0.0/8")}, Action::accept)}, true)));
}

TEST(FirewallWalk, WhatHoldsForSomeOnlyMakesNothingCertain) {
  EXPECT_FALSE(dropped(table_of({rule({from("250.0.27.128/25")}, Action::accept)}, true)));
  EXPECT_FALSE(dropped(table_of({rule({from("250.0.27.128/25")}, Action::drop)}, false)));
  EXPECT_FALSE(dropped(table_of({rule({Condition{}}, Action::accept)}, true)));
  EXPECT_FALSE(dropped(table_of({rule({}, Action::unknown)}, true)));
  EXPECT_TRUE(dropped(table_of({rule({Condition{}, from("10.0.0.0/8")}, Action::accept)}, true)))
      << "one that cannot hold decides";
}

TEST(FirewallWalk, NegationTurnsAllAndNoneRound) {
  EXPECT_TRUE(dropped(table_of({rule({from("10.0.0.0/8", true)}, Action::drop)}, false)));
  EXPECT_FALSE(dropped(table_of({rule({from("250.0.0.0/8", true)}, Action::drop)}, false)));
  EXPECT_FALSE(dropped(table_of({rule({from("250.0.27.0/25", true)}, Action::drop)}, false)));
  EXPECT_TRUE(dropped(table_of({rule({device("lo", true)}, Action::drop)}, false)));
}

TEST(FirewallWalk, NamesMayEndInAStar) {
  EXPECT_TRUE(dropped(table_of({rule({device("fan-*")}, Action::drop)}, false)));
  EXPECT_FALSE(dropped(table_of({rule({device("fan-250-0-2")}, Action::drop)}, false)));
  EXPECT_FALSE(dropped(table_of({rule({device("wg*")}, Action::drop)}, false)));
}

TEST(FirewallWalk, JumpsReturnAndGotosDoNot) {
  Table jumps = table_of({rule({}, Action::jump, "sub"), rule({}, Action::drop)}, false);
  jumps.chains["sub"] = Chain{{}, {rule({device("fan-250-0-27")}, Action::leave), rule({}, Action::accept)}};
  EXPECT_TRUE(dropped(jumps));
  jumps.chains["sub"].rules.erase(jumps.chains["sub"].rules.begin());
  EXPECT_FALSE(dropped(jumps));
  Table goes = table_of({rule({}, Action::go_to, "sub"), rule({}, Action::drop)}, false);
  goes.chains["sub"] = Chain{{}, {}};
  EXPECT_FALSE(dropped(goes)) << "the policy decides";
  goes.chains["base"].base->drops = true;
  EXPECT_TRUE(dropped(goes));
  goes.chains.erase("sub");
  EXPECT_FALSE(dropped(goes)) << "a chain that is not known";
}

TEST(FirewallWalk, AnAcceptInOneTableDoesNotOverrideADropInAnother) {
  Table first = table_of({rule({}, Action::accept)}, true, -10);
  Table second = table_of({}, true, 10);
  second.name = "second";
  const std::vector<Table> both{second, first};
  const auto drop = certain_drop(both, probe());
  ASSERT_TRUE(drop.has_value());
  EXPECT_EQ(drop->table->name, "second");
  EXPECT_EQ(drop->rule, nullptr);
}

TEST(FirewallWalk, ALoopEnds) {
  Table loop = table_of({rule({}, Action::jump, "a")}, true);
  loop.chains["a"] = Chain{{}, {rule({}, Action::jump, "a")}};
  EXPECT_FALSE(dropped(loop));
}

Fan sample() {
  FanSpec spec;
  spec.overlay = *Prefix::parse("250.0.0.0/8");
  spec.encapsulation = Encapsulation::vxlan;
  auto mapping = Mapping::make(spec.overlay, *Prefix::parse("172.30.0.0/16"));
  return Fan{spec, *mapping, *Address::parse("172.30.0.27"), "eth0", 1450, "fan-250-0-27", {}};
}

TEST(FirewallObstacles, OneLineForAllThatItHelps) {
  Table table = table_of({}, true);
  table.owner = Owner::iptables;
  table.name = "filter";
  const auto found = obstacles_of(sample(), "", {{table}, true});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].remedy, "iptables -I base -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT");
  EXPECT_NE(found[0].what.find("between containers of this host"), std::string::npos);
}

// Behind which port a frame is nobody knows here, and in ARP there is nothing of IPv4.
TEST(FirewallObstacles, OfABridgesTableOnlyFramesAreToldAndOnlyForAllPorts) {
  Table table = table_of({}, true);
  table.family = "bridge";
  table.chains.begin()->second.base->hook = Hook::input;
  auto found = obstacles_of(sample(), "", {{table}, true});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].what, "frames from containers to this host");
  EXPECT_EQ(found[0].remedy, "nft insert rule bridge " + table.name + " base ip saddr 250.0.0.0/8 accept");
  EXPECT_EQ(found[1].remedy, "nft insert rule bridge " + table.name + " base arp saddr ip 250.0.0.0/8 accept");
  Chain& base = table.chains.at("base");
  base.rules = {rule({{Subject::source, false, {}, {{0xfa000000, 0xfaffffff}}}}, Action::accept)};
  found = obstacles_of(sample(), "", {{table}, true});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].what, "ARP from containers to this host");
  base.rules.push_back(rule({{Subject::in_device, false, {"veth7"}, {}}}, Action::accept));
  EXPECT_TRUE(obstacles_of(sample(), "", {{table}, true}).empty());
}

TEST(FirewallObstacles, NoCommandIsMadeOfANameThatAShellWouldRead) {
  Table table = table_of({}, true);
  table.name = "$(reboot)\n";
  const auto found = obstacles_of(sample(), "", {{table}, false});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].remedy, "");
  EXPECT_EQ(note_of(found[0]).find('\n'), std::string::npos);
}

} // namespace
} // namespace fan::firewall
