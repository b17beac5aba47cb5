#include "core/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

Explanation one(const std::string& address, const std::vector<KnownMapping>& known) {
  const auto all = explain(given::address(address), known);
  EXPECT_EQ(all.size(), 1U);
  return all.front();
}

std::vector<KnownMapping> from(const std::string& words) {
  return known_from(std::vector<Fan>{given::fan(words)});
}

TEST(Explain, RolesInASlice) {
  const struct {
    const char* address;
    Role role;
  } table[] = {
      {"250.0.27.0", Role::network},     {"250.0.27.1", Role::gateway}, {"250.0.27.2", Role::reserved},
      {"250.0.27.3", Role::reserved},    {"250.0.27.4", Role::pool},    {"250.0.27.254", Role::pool},
      {"250.0.27.255", Role::broadcast},
  };
  for (const auto& row : table) {
    const Explanation e = one(row.address, from("250 eth0 host-reserve 3"));
    EXPECT_EQ(e.role, row.role) << row.address;
    EXPECT_EQ(e.host->str(), "172.30.0.27");
    EXPECT_EQ(e.slice->str(), "250.0.27.0/24");
    EXPECT_FALSE(e.own);
    const bool sent = row.role == Role::gateway || row.role == Role::reserved || row.role == Role::pool;
    EXPECT_EQ(e.outer.has_value(), sent) << row.address;
    EXPECT_EQ(e.why_not.empty(), sent) << row.address;
  }
}

TEST(Explain, OuterHeader) {
  const auto vxlan = one("250.3.4.5", from("250 eth0 type vxlan vni 99 port 4789")).outer;
  ASSERT_TRUE(vxlan.has_value());
  EXPECT_EQ(vxlan->source, given::address("172.30.0.28"));
  EXPECT_EQ(vxlan->destination.str(), "172.30.3.4");
  EXPECT_EQ(vxlan->protocol, 17);
  EXPECT_EQ(vxlan->port, 4789);
  EXPECT_EQ(vxlan->vni, 99U);
  EXPECT_EQ(vxlan->ttl, 255);
  const auto ipip = one("250.3.4.5", from("250 eth0")).outer;
  ASSERT_TRUE(ipip.has_value());
  EXPECT_EQ(ipip->protocol, 4);
  EXPECT_FALSE(ipip->port || ipip->vni);
}

TEST(Explain, DefaultVniDiffersFromTheBridgedFans) {
  EXPECT_EQ(one("250.3.4.5", from("250 eth0 type vxlan")).outer->vni, 16384001U);
}

TEST(Explain, WithoutAFan) {
  const auto known = known_from(given::spec("250 172.30.0.0/16 type vxlan"), given::address("172.30.0.0"));
  ASSERT_TRUE(known.ok());
  const Explanation e = one("250.0.28.7", {*known});
  EXPECT_EQ(e.role, Role::pool);
  EXPECT_FALSE(e.outer->source.has_value());
  EXPECT_FALSE(known_from(given::spec("172 172.30.0.0/16"), given::address("172.30.0.0")).ok());
}

TEST(Explain, OwnSliceStaysHere) {
  const Explanation e = one("250.0.28.7", from("250 eth0"));
  EXPECT_TRUE(e.own);
  EXPECT_FALSE(e.outer.has_value());
  EXPECT_THAT(e.why_not, HasSubstr("this host's own slice"));
}

TEST(Explain, UnderlaySide) {
  const Explanation e = one("172.30.3.4", from("250 eth0"));
  EXPECT_EQ(e.role, Role::host);
  EXPECT_EQ(e.slice->str(), "250.3.4.0/24");
  EXPECT_FALSE(e.own);
  EXPECT_TRUE(one("172.30.0.28", from("250 eth0")).own);
}

TEST(Explain, NoHost) {
  for (const char* address : {"250.0.0.5", "172.30.0.0"}) {
    const Explanation e = one(address, from("250 eth0"));
    EXPECT_EQ(e.role, Role::no_host) << address;
    EXPECT_THAT(e.why_not, HasSubstr("all zeros"));
    EXPECT_FALSE(e.outer.has_value());
  }
  EXPECT_THAT(one("250.255.255.5", from("250 eth0")).why_not, HasSubstr("all ones"));
}

TEST(Explain, WhatTakesTheShortcut) {
  const auto by_shortcut = [](const std::string& address, const std::string& words) {
    return one(address, from(words)).shortcut;
  };
  EXPECT_TRUE(by_shortcut("250.0.27.3", "250 eth0 shortcut host-reserve 2"));
  EXPECT_FALSE(by_shortcut("250.0.27.3", "250 eth0 host-reserve 2")) << "it is off unless asked for";
  EXPECT_FALSE(by_shortcut("250.0.27.1", "250 eth0 shortcut")) << "a gateway";
  EXPECT_FALSE(by_shortcut("250.0.27.2", "250 eth0 shortcut host-reserve 2")) << "a host's own";
  EXPECT_FALSE(by_shortcut("250.0.28.3", "250 eth0 shortcut")) << "an endpoint here";
}

TEST(Explain, Outside) {
  const Explanation e = one("8.8.8.8", from("250 eth0"));
  EXPECT_EQ(e.role, Role::outside);
  EXPECT_FALSE(e.mapping.has_value());
  EXPECT_THAT(e.why_not, HasSubstr("250.0.0.0/8 over 172.30.0.0/16"));
  EXPECT_EQ(one("8.8.8.8", {}).why_not, "no mapping is known");
}

TEST(Explain, SeveralMappings) {
  const std::vector<KnownMapping> known = known_from({given::fan("250 eth0"), given::fan("240 eth0")});
  ASSERT_EQ(known.size(), 2U);
  EXPECT_EQ(explain(given::address("172.30.3.4"), known).size(), 2U) << "a slice of each overlay";
  EXPECT_EQ(one("240.3.4.5", known).slice->str(), "240.3.4.0/24");
}

TEST(Explain, TwoFansOfOneMappingAreOne) {
  Facts two = given::host();
  two.addresses.push_back({3, given::address("172.30.0.77"), 16, false, false, false});
  const auto known = known_from({given::fan("250 172.30.0.28", two), given::fan("250 172.30.0.77", two)});
  ASSERT_EQ(known.size(), 1U);
  EXPECT_TRUE(one("250.0.28.7", known).own);
  EXPECT_TRUE(one("250.0.77.7", known).own);
  EXPECT_FALSE(one("250.0.1.7", known).outer->source.has_value()) << "it depends on the inner source";
}

} // namespace
} // namespace fan
