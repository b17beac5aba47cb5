// Rules as nft prints them, read for what they do; what is not understood stays unknown.
#include <chrono>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "core/address.h"
#include "linux/nft/rule_reader.h"
#include "linux/nft/ruleset_reader.h"

namespace fan::nft {
namespace {

using firewall::Action;
using firewall::Condition;
using firewall::Rule;
using firewall::Subject;

Rule read(const std::string& line, const NamedSets& sets = {}) {
  const std::vector<Rule> rules = read_rule(line, sets);
  EXPECT_EQ(rules.size(), 1U) << line;
  return rules.empty() ? Rule{} : rules.front();
}

std::vector<Subject> subjects(const Rule& rule) {
  std::vector<Subject> all;
  for (const Condition& condition : rule.conditions) {
    all.push_back(condition.subject);
  }
  return all;
}

TEST(ForeignRules, WhatIsUnderstood) {
  const Rule rule =
      read("iifname { \"lo\", \"veth*\" } ip saddr != 10.0.0.0/8 udp dport { 53, 67-68 } ct state "
           "related,established counter packets 7 bytes 9 log prefix \"drop now\" level warn drop comment \"accept\"");
  EXPECT_EQ(rule.action, Action::drop);
  EXPECT_EQ(rule.conditions, (std::vector<Condition>{{Subject::in_device, false, {"lo", "veth*"}, {}},
                                                     {Subject::source, true, {}, {{0x0a000000, 0x0affffff}}},
                                                     {Subject::protocol, false, {}, {{17, 17}}},
                                                     {Subject::destination_port, false, {}, {{53, 53}, {67, 68}}},
                                                     {Subject::state, false, {"related", "established"}, {}}}));
}

// As nft prints it, by name or by number; of what is ARP's nothing more is read.
TEST(ForeignRules, TypesOfFramesAreFamilies) {
  const auto family = [](const std::string& line) {
    const Rule rule = read(line);
    return rule.conditions.empty() || rule.conditions[0].names.empty() ? "" : rule.conditions[0].names[0];
  };
  EXPECT_EQ(family("ether type ip drop"), "ipv4");
  EXPECT_EQ(family("ether type 0x0800 drop"), "ipv4");
  EXPECT_EQ(family("meta protocol ip6 drop"), "ipv6");
  EXPECT_EQ(family("ether type != { arp, 0x86dd } drop"), "arp");
  EXPECT_EQ(family("ether type 0x88cc drop"), "0x88cc");
  EXPECT_EQ(subjects(read("arp operation 1 drop")), (std::vector<Subject>{Subject::family, Subject::unknown}));
  EXPECT_EQ(subjects(read("ether type vmap { ip : drop }")), std::vector<Subject>{Subject::unknown});
}

TEST(ForeignRules, Verdicts) {
  EXPECT_EQ(read("reject with icmpx admin-prohibited").action, Action::drop);
  EXPECT_EQ(read("counter packets 0 bytes 0").action, Action::go_on);
  EXPECT_EQ(read("meta mark set 0x1 return").action, Action::leave);
  EXPECT_EQ(read("goto there").target, "there");
  EXPECT_EQ(read("ip daddr 1.1.1.1 dnat to 2.2.2.2").action, Action::unknown);
  EXPECT_EQ(read("xt target \"TCPMSS\"").action, Action::go_on);
  EXPECT_EQ(read("xt target \"DELUDE\"").action, Action::unknown);
}

TEST(ForeignRules, AfterWhatIsNotUnderstoodNothingIsGuessed) {
  const std::vector<Subject> unknown{Subject::unknown};
  EXPECT_EQ(subjects(read("limit rate 5/second accept")), unknown);
  EXPECT_EQ(subjects(read("fib daddr . iif type local accept")), unknown);
  EXPECT_EQ(subjects(read("ip saddr . tcp dport @pairs accept")).back(), Subject::unknown);
  EXPECT_EQ(subjects(read("ip saddr @nowhere drop")), unknown);
  EXPECT_EQ(subjects(read("meta mark & 0x1 == 0x1 iifname \"lo\" drop")), unknown);
  EXPECT_EQ(subjects(read("udp dport > 1000 drop")).back(), Subject::unknown);
  EXPECT_EQ(read("fib daddr . iif type local accept").action, Action::accept);
}

TEST(ForeignRules, AVerdictMapIsARuleAKey) {
  const std::vector<Rule> rules =
      read_rule("ct state vmap { invalid : drop, established : accept, new : jump fresh, * : drop }", {});
  ASSERT_EQ(rules.size(), 4U);
  EXPECT_EQ(rules[0].action, Action::drop);
  EXPECT_EQ(rules[2].target, "fresh");
  EXPECT_EQ(subjects(rules[3]), (std::vector<Subject>{Subject::unknown}));
}

TEST(ForeignRules, SetsOverSeveralLinesAndTablesThatSleep) {
  const auto tables = read_ruleset(R"(table inet fanctl {
	chain forward {
		type filter hook forward priority 0; policy drop;
	}
}
table ip mine {
	set bad {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8,
			     11.0.0.1-11.0.0.9 comment "x, y" }
	}

	chain through {
		type filter hook forward priority -5; policy drop;
		ip saddr @bad drop
	}
}
table inet asleep {
	flags dormant

	chain through {
		type filter hook forward priority 0; policy drop;
	}
}
table ip6 six {
	chain through {
		type filter hook forward priority 0; policy drop;
	}
}
)");
  ASSERT_EQ(tables.size(), 1U);
  const firewall::Chain& chain = tables[0].chains.at("through");
  EXPECT_EQ(chain.base->priority, -5);
  EXPECT_TRUE(chain.base->drops);
  EXPECT_EQ(chain.rules.at(0).conditions.at(0).ranges,
            (std::vector<firewall::Range>{{0x0a000000, 0x0affffff}, {0x0b000001, 0x0b000009}}));
}

// What somebody has written into a comment ends nothing and parts nothing.
TEST(ForeignRules, ACommentIsNoSyntax) {
  const auto tables = read_ruleset(R"(table ip mine {
	set good {
		type ipv4_addr
		elements = { 10.0.0.1 comment "}", 10.0.0.2 comment ",",
			     10.0.0.3 comment ":" }
		comment "{"
	}

	chain through {
		type filter hook forward priority 0; policy accept;
		ip saddr != @good drop
		udp dport 53 comment "drop"
		iifname { "a", "}", "b" } accept
	}
}
)");
  ASSERT_EQ(tables.size(), 1U);
  const std::vector<Rule>& rules = tables[0].chains.at("through").rules;
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[0].conditions,
            (std::vector<Condition>{{Subject::source,
                                     true,
                                     {},
                                     {{0x0a000001, 0x0a000001}, {0x0a000002, 0x0a000002}, {0x0a000003, 0x0a000003}}}}));
  EXPECT_EQ(rules[1].action, Action::go_on);
  EXPECT_EQ(rules[2].conditions, (std::vector<Condition>{{Subject::in_device, false, {"a", "}", "b"}, {}}}));
  EXPECT_EQ(rules[2].action, Action::accept);
}

// Read in the time that its length takes, not in the square of it, which would be minutes.
TEST(ForeignRules, ALongSetIsReadInOneGo) {
  std::string text = "table ip mine {\n\tset bad {\n\t\ttype ipv4_addr\n\t\telements = { ";
  constexpr std::uint32_t count = 200'000;
  for (std::uint32_t n = 0; n < count; ++n) {
    text += Address(0x0a000000 + n).str() + (n + 1 < count ? ",\n\t\t\t     " : " }\n");
  }
  text += "\t}\n\n\tchain through {\n\t\ttype filter hook forward priority 0; policy accept;\n"
          "\t\tip saddr @bad drop\n\t}\n}\n";
  const auto begin = std::chrono::steady_clock::now();
  const auto tables = read_ruleset(text);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  ASSERT_EQ(tables.size(), 1U);
  EXPECT_EQ(tables[0].chains.at("through").rules.at(0).conditions.at(0).ranges.size(), count);
}

} // namespace
} // namespace fan::nft
