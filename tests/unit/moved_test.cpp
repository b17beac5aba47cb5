// A fan whose underlay address changes, over a kernel in memory: what it keeps, what it says, what it forgets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/words.h"
#include "engine/requests.h"
#include "support/memory_provider.h"

namespace fan {
namespace {

using test::MemoryProvider;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

FanSpec moving_spec(const std::vector<std::string>& words) {
  auto spec = parse_words(words);
  EXPECT_TRUE(spec) << spec.error().message;
  return *spec;
}

Address ip(const char* text) {
  return *Address::parse(text);
}

class Moved : public ::testing::Test {
protected:
  void attach(const std::string& name) {
    LinkFact port;
    port.ifindex = 100 + static_cast<std::uint32_t>(kernel.base.links.size());
    port.name = name;
    kernel.base.links.push_back(port);
    // The links of `base` come first, so one more of them moves the bridge's number.
    const std::uint32_t bridge = kernel.facts()->link("fan-250-0-28")->ifindex;
    for (LinkFact& link : kernel.base.links) {
      link.master = link.ifindex >= 100 ? bridge : link.master;
    }
  }
  void renumber(const char* address) { kernel.base.addresses.back().address = ip(address); }
  Outcome up_again(const FanSpec& spec) {
    auto outcome = up(kernel, spec, {});
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? *outcome : Outcome();
  }
  Fan the_fan() { return status(kernel)->fans.at(0).fan; }
  [[nodiscard]] bool has(const std::string& key) const { return kernel.objects.count(key) != 0; }

  MemoryProvider kernel = MemoryProvider::host(ip("172.30.0.28"), 16);
  const FanSpec spec = moving_spec({"250.0.0.0/8", "eth0/16"});
};

TEST_F(Moved, NamesThePortsAndTheOldAddressesBehindThem) {
  up_again(spec);
  attach("veth1");
  attach("veth2");
  kernel.seen = {{ip("250.0.28.2"), "veth1"}, {ip("250.0.28.9"), "veth1"}, {ip("250.9.9.9"), "veth2"}};
  renumber("172.30.1.28");
  const Outcome moved = up_again(spec);
  ASSERT_EQ(moved.notes.size(), 1U);
  EXPECT_EQ(moved.notes[0], "the underlay address is 172.30.1.28 and was 172.30.0.28: fan-250-0-28 moves from "
                            "250.0.28.0/24 to 250.1.28.0/24. Attached to it, and in need of addresses of the new "
                            "slice: veth1 (250.0.28.2, 250.0.28.9), veth2");
  EXPECT_EQ(the_fan().bridge, "fan-250-0-28");
  EXPECT_THAT(the_fan().former, ElementsAre(ip("172.30.0.28")));
  EXPECT_TRUE(has("address fan-250-0-28 250.1.28.1/24"));
  EXPECT_FALSE(has("address fan-250-0-28 250.0.28.1/24"));
  EXPECT_TRUE(has("set bridge_slices \"fan-250-0-28\" . 250.0.28.0/24"));
  EXPECT_TRUE(has("set nat_slices 250.0.28.0/24"));
  EXPECT_FALSE(has("set slices 250.0.28.0/24"));
  const Outcome again = up_again(spec);
  EXPECT_TRUE(again.plan.empty());
  EXPECT_THAT(again.notes, IsEmpty());
}

TEST_F(Moved, WithNothingAttachedThereIsNothingToKeep) {
  up_again(spec);
  renumber("172.30.1.28");
  EXPECT_THAT(up_again(spec).notes.at(0), HasSubstr("Nothing is attached to it."));
  EXPECT_THAT(the_fan().former, IsEmpty());
  EXPECT_FALSE(has("set nat_slices 250.0.28.0/24"));
}

TEST_F(Moved, WhatWasKeptIsForgottenWhenTheLastPortIsGone) {
  up_again(spec);
  attach("veth1");
  renumber("172.30.1.28");
  up_again(spec);
  kernel.base.links.pop_back();
  EXPECT_FALSE(up_again(spec).plan.empty());
  EXPECT_THAT(the_fan().former, IsEmpty());
  EXPECT_FALSE(has("set nat_slices 250.0.28.0/24"));
  EXPECT_TRUE(up_again(spec).plan.empty());
}

TEST_F(Moved, AnAddressThatComesBackIsNoLongerAFormerOne) {
  up_again(spec);
  attach("veth1");
  for (const char* address : {"172.30.1.28", "172.30.2.28", "172.30.0.28"}) {
    renumber(address);
    up_again(spec);
  }
  EXPECT_THAT(the_fan().former, ElementsAre(ip("172.30.1.28"), ip("172.30.2.28")));
  EXPECT_TRUE(has("set slices 250.0.28.0/24"));
  EXPECT_TRUE(up_again(spec).plan.empty());
}

TEST_F(Moved, TheNewestMovesAreRemembered) {
  up_again(spec);
  attach("veth1");
  for (int n = 1; n <= 12; ++n) {
    renumber(("172.30." + std::to_string(n) + ".28").c_str());
    up_again(spec);
  }
  EXPECT_EQ(the_fan().former.size(), 8U);
  EXPECT_EQ(the_fan().former.back(), ip("172.30.11.28"));
  EXPECT_TRUE(up_again(spec).plan.empty());
}

TEST_F(Moved, ToAnotherUnderlayNetworkAsWell) {
  up_again(spec);
  attach("veth1");
  renumber("10.9.0.28");
  EXPECT_THAT(up_again(spec).notes, IsEmpty()) << "its slice is the same";
  EXPECT_THAT(the_fan().former, IsEmpty());
  renumber("10.9.1.28");
  up_again(spec);
  EXPECT_THAT(the_fan().former, ElementsAre(ip("10.9.0.28")));
  EXPECT_TRUE(has("set bridge_slices \"fan-250-0-28\" . 250.0.28.0/24"));
  EXPECT_TRUE(up_again(spec).plan.empty());
}

// The host has the same number in both, and so the slice is the same; the fan's containers would lose their peers.
TEST_F(Moved, AFanOverAnotherUnderlayIsNotThisOne) {
  up_again(spec);
  AddressFact other = kernel.base.addresses.back();
  other.address = ip("10.30.0.28");
  kernel.base.addresses.push_back(other);
  const auto before = kernel.objects;
  for (const char* underlay : {"10.30.0.28/16", "10.30.0.0/16"}) {
    const auto outcome = up(kernel, moving_spec({"250.0.0.0/8", underlay}), {});
    ASSERT_FALSE(outcome) << underlay;
    EXPECT_THAT(outcome.error().message, HasSubstr("overlaps the overlay 250.0.0.0/8 of the fan on fan-250-0-28"));
  }
  EXPECT_FALSE(up(kernel, moving_spec({"250.0.0.0/9", "172.30.0.28/17"}), {})) << "the same slice by other prefixes";
  EXPECT_EQ(kernel.objects, before);
  EXPECT_TRUE(up_again(moving_spec({"250.0.0.0/8", "172.30.0.28/16"})).fans.size() == 1) << "in other words";
}

TEST_F(Moved, AHostThatOnlyReachesKeepsNothing) {
  const FanSpec reach = moving_spec({"250.0.0.0/8", "eth0/16", "reach"});
  up_again(reach);
  renumber("172.30.1.28");
  EXPECT_EQ(up_again(reach).notes.at(0), "the underlay address is 172.30.1.28 and was 172.30.0.28: this host moves "
                                         "from 250.0.28.0/24 to 250.1.28.0/24");
  EXPECT_THAT(the_fan().former, IsEmpty());
}

TEST_F(Moved, DownLeavesNothingOfIt) {
  const ObservedSet before = kernel.objects;
  up_again(spec);
  attach("veth1");
  renumber("172.30.1.28");
  up_again(spec);
  kernel.base.links.pop_back();
  Selector which;
  which.name = "fan-250-0-28";
  ASSERT_TRUE(down(kernel, which, {}));
  EXPECT_EQ(kernel.objects.size(), before.size());
}

} // namespace
} // namespace fan
