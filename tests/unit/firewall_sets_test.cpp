// Elements that cannot be in one set together change places in one transaction.
#include <gtest/gtest.h>

#include "core/diff.h"
#include "core/firewall_sets.h"
#include "core/port_sets.h"
#include "engine/apply.h"

namespace fan {
namespace {

SetElement exposed(const char* text) {
  return {firewall::exposed, text, {}};
}

TEST(FirewallSets, ClashingIsOverlappingAndDifferent) {
  EXPECT_TRUE(elements_clash(exposed("250.0.27.2"), exposed("250.0.27.0/24")));
  EXPECT_FALSE(elements_clash(exposed("250.0.27.0/24"), exposed("250.0.27.0/24")));
  EXPECT_FALSE(elements_clash(exposed("250.0.27.2"), exposed("250.0.28.0/24")));
  EXPECT_FALSE(elements_clash(exposed("250.0.27.2"), {firewall::slices, "250.0.27.0/24", {}}));
  EXPECT_TRUE(elements_clash({firewall::bridge_slices, "\"a\" . 250.0.0.0/16", {}},
                             {firewall::bridge_slices, "\"a\" . 250.0.27.0/24", {}}));
  EXPECT_FALSE(elements_clash({firewall::bridge_slices, "\"a\" . 250.0.0.0/16", {}},
                              {firewall::bridge_slices, "\"b\" . 250.0.27.0/24", {}}));
  const auto of_port = [](const char* set, const char* text) { return SetElement{set, text, {}, NftTable::bridge}; };
  const SetElement wide = of_port(port_sets::prefixes6, "\"a\" . 2001:db8::/32");
  EXPECT_TRUE(elements_clash(wide, of_port(port_sets::prefixes6, "\"a\" . 2001:db8:1::/48")));
  EXPECT_FALSE(elements_clash(wide, of_port(port_sets::prefixes6, "\"b\" . 2001:db8:1::/48")));
  EXPECT_FALSE(elements_clash(wide, wide));
  EXPECT_TRUE(holds_intervals(wide));
  EXPECT_TRUE(holds_intervals(exposed("250.0.27.2")));
  EXPECT_FALSE(holds_intervals({firewall::port_addresses, "\"a\" . 250.0.27.2", {}}));
  EXPECT_TRUE(holds_intervals(of_port(port_sets::target_prefixes6, "\"a\" . 0x1-0x2")));
  EXPECT_FALSE(holds_intervals(of_port(port_sets::targets6, "\"a\" . 0x1")));
  EXPECT_FALSE(elements_clash({firewall::bridges, "\"a\"", {}}, {firewall::bridges, "\"b\"", {}}));
}

TEST(FirewallSets, WhatIsInTheWayGoesInTheSameTransaction) {
  ObjectSet desired;
  ObservedSet observed;
  const auto want = [&](const Object& object) { desired.emplace(key_of(object), object); };
  const auto see = [&](const Object& object) { observed.emplace(key_of(object), Observed{object, true}); };
  want(exposed("250.0.27.0/24"));
  want(Bridge{"fan-250-0-27", {}, 1450, ""});
  want(Sysctl{"net/ipv4/conf/fan-250-0-27/forwarding", "1"});
  see(exposed("250.0.27.2"));
  see(exposed("250.0.99.2"));
  const auto plan = diff(desired, observed, {});
  ASSERT_TRUE(plan.ok());
  const auto transactions = transactions_of(*plan);
  ASSERT_EQ(transactions.size(), 4U); // bridge, elements, sysctl, the element that is in nobody's way
  ASSERT_EQ(transactions[1].size(), 2U);
  EXPECT_EQ(transactions[1][0].before, Object(exposed("250.0.27.2")));
  EXPECT_EQ(transactions[1][1].after, Object(exposed("250.0.27.0/24")));
  EXPECT_EQ(transactions[3][0].before, Object(exposed("250.0.99.2")));
}

} // namespace
} // namespace fan
