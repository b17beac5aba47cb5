// Who is registered by being seen.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "core/sighting.h"
#include "given.h"

namespace fan {
namespace {

constexpr Mac one{{0x02, 0, 0, 0, 0, 1}};
constexpr Mac two{{0x02, 0, 0, 0, 0, 2}};

Address at(unsigned n) {
  return Address(0xfa001c00U + n); // 250.0.28.n
}

class Sightings : public testing::Test {
protected:
  Sightings() {
    facts_.links.push_back({.ifindex = 10, .name = fan_.bridge, .kind = "bridge"});
    add_port("v1");
    add_port("v2");
  }
  void add_port(const std::string& name, std::uint32_t master = 10) {
    LinkFact link;
    link.ifindex = static_cast<std::uint32_t>(20 + facts_.links.size());
    link.name = name;
    link.master = master;
    facts_.links.push_back(link);
  }
  void remove_port(const std::string& name) {
    std::erase_if(facts_.links, [&](const LinkFact& link) { return link.name == name; });
  }
  Registry see(const std::vector<Sighting>& seen, const Answers& answers = {}) {
    Sighted sighted = with_sightings(registry_, {fan_}, facts_, seen, answers);
    registry_ = std::move(sighted.registry);
    to_ask_ = std::move(sighted.to_ask);
    return registry_;
  }

  Fan fan_ = given::fan("250.0.0.0/8 eth0/16 host-reserve 3 proxy-arp");
  Facts facts_ = given::host();
  Registry registry_;
  std::set<Registration> to_ask_;
};

TEST_F(Sightings, WhoIsSeenIsRegistered) {
  const Registry after = see({{at(9), one, "v1"}, {at(10), two, "v2"}});
  ASSERT_EQ(after.endpoints.size(), 2U);
  EXPECT_EQ(after.endpoints.at(at(9)), (Registration{at(9), "v1", one}));
  EXPECT_EQ(see({{at(9), one, "v1"}, {at(10), two, "v2"}}), after);
  EXPECT_EQ(see({}), after); // silence is no absence
}

TEST_F(Sightings, NothingHappensToFansThatDoNotAskForIt) {
  fan_.spec.proxy_arp = false;
  registry_.endpoints[at(9)] = {at(9), "gone", one};
  const Registry before = registry_;
  EXPECT_EQ(see({{at(10), one, "v1"}}), before);
}

TEST_F(Sightings, AddressesOfNobodyOrOfTheHostAreNotTaken) {
  const Address outside(0xfa001d05U);
  EXPECT_TRUE(see({{at(0), one, "v1"},
                   {at(1), one, "v1"},
                   {at(3), one, "v1"},
                   {at(255), one, "v1"},
                   {outside, one, "v1"},
                   {Address(), one, "v1"}})
                  .endpoints.empty());
  EXPECT_EQ(see({{at(4), one, "v1"}, {at(254), one, "v1"}}).endpoints.size(), 2U);
}

TEST_F(Sightings, OnlyBehindPortsOfTheFansBridge) {
  add_port("elsewhere", 99);
  EXPECT_TRUE(see({{at(9), one, "elsewhere"}, {at(9), one, ""}, {at(9), one, "nowhere"}}).endpoints.empty());
}

TEST_F(Sightings, AnAddressIsNotTakenOverFromALivePort) {
  see({{at(9), one, "v1"}});
  EXPECT_EQ(see({{at(9), two, "v2"}}).endpoints.at(at(9)).port, "v1");
  remove_port("v1");
  EXPECT_EQ(see({{at(9), two, "v2"}}).endpoints.at(at(9)), (Registration{at(9), "v2", two}));
}

TEST_F(Sightings, AnAddressForWhichNobodyAnswersGoesToWhoClaimsIt) {
  const Registration first{at(9), "v1", one};
  see({{at(9), one, "v1"}});
  const std::vector<Sighting> claim{{at(9), two, "v2"}};
  EXPECT_EQ(see(claim).endpoints.at(at(9)), first);
  EXPECT_EQ(to_ask_, std::set<Registration>{first});
  EXPECT_EQ(see(claim, {{first}, {}}).endpoints.at(at(9)), first);
  EXPECT_TRUE(to_ask_.empty());
  EXPECT_EQ(see(claim, {{}, {first}}).endpoints.at(at(9)), (Registration{at(9), "v2", two}));
  EXPECT_TRUE(to_ask_.empty());
}

TEST_F(Sightings, WhatIsSaidOfSecuredPortsIsNotAskedFor) {
  const Registration first{at(9), "v1", one};
  registry_.endpoints[at(9)] = first;
  registry_.secured["v1"];
  EXPECT_EQ(see({{at(9), two, "v2"}}, {{}, {first}}).endpoints.at(at(9)), first);
  EXPECT_TRUE(to_ask_.empty());
}

// Of a registered MAC the bridge learns nothing: a frame with it may be somebody else's.
TEST_F(Sightings, AFurtherAddressOfARegisteredMacIsTakenWhenItsPortAnswers) {
  see({{at(9), one, "v1"}});
  const std::vector<Sighting> further{{at(10), one, "v1", false}};
  const Registration claimed{at(10), "v1", one};
  EXPECT_EQ(see(further).endpoints.size(), 1U);
  EXPECT_EQ(to_ask_, std::set<Registration>{claimed});
  EXPECT_EQ(see(further, {{}, {claimed}}).endpoints.size(), 1U);
  EXPECT_EQ(see(further, {{claimed}, {}}).endpoints.at(at(10)), claimed);
  EXPECT_EQ(see({{at(9), one, "v1", false}}).endpoints.size(), 2U); // nothing new
  EXPECT_TRUE(to_ask_.empty());
}

TEST_F(Sightings, BehindItsOwnPortTheMacMayChange) {
  see({{at(9), one, "v1"}});
  EXPECT_EQ(see({{at(9), two, "v1"}}).endpoints.at(at(9)).mac, two);
}

TEST_F(Sightings, OneMacIsBehindOnePort) {
  see({{at(9), one, "v1"}});
  EXPECT_EQ(see({{at(10), one, "v2"}, {at(10), one, "v1"}}).endpoints.at(at(10)).port, "v1");
}

TEST_F(Sightings, SecuredPortsAreLeftToWhoSecuredThem) {
  registry_.endpoints[at(9)] = {at(9), "gone", one};
  registry_.secured["gone"];
  registry_.secured["v1"];
  const Registry after = see({{at(10), two, "v1"}});
  EXPECT_EQ(after, registry_);
  EXPECT_EQ(after.endpoints.count(at(9)), 1U);
  EXPECT_EQ(after.endpoints.count(at(10)), 0U);
}

TEST_F(Sightings, EndpointsGoWithTheirPort) {
  see({{at(9), one, "v1"}, {at(10), two, "v2"}});
  remove_port("v1");
  const Registry after = see({});
  EXPECT_EQ(after.endpoints.size(), 1U);
  EXPECT_EQ(after.endpoints.count(at(10)), 1U);
}

TEST_F(Sightings, AForgerGetsFewAddresses) {
  std::vector<Sighting> forged;
  for (unsigned n = 4; n < 250; ++n) {
    forged.push_back({at(n), one, "v1"});
  }
  EXPECT_EQ(see(forged).endpoints.size(), most_seen_behind_port);
  EXPECT_EQ(see(forged).endpoints.size(), most_seen_behind_port);
  EXPECT_EQ(see({{at(251), two, "v2"}}).endpoints.size(), most_seen_behind_port + 1);
}

} // namespace
} // namespace fan
