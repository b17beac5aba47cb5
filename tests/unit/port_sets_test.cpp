// What is said of ports, as elements of nftables sets and back.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/derive_ports.h"
#include "core/port_sets.h"
#include "core/ruleset.h"
#include "core/validate_endpoint.h"
#include "given.h"

namespace fan {
namespace {

using testing::Contains;
using testing::Not;

const Mac mac_of_two{{0x02, 0, 0, 0, 0, 2}};

// A host with the fan 250.0.28.0/24, on whose bridge are veth2 and veth3; eth0 is on none.
struct Scene {
  Fan fan = *make_fan(given::spec("250 eth0/16 type vxlan"), {given::address("172.30.0.28"), "eth0"}, 1450,
                      given::host(), {});
  Facts facts = given::host();
  Registry registry;

  Scene() {
    LinkFact bridge;
    bridge.ifindex = 10;
    bridge.name = fan.bridge;
    bridge.kind = "bridge";
    facts.links.push_back(bridge);
    for (const std::uint32_t n : {2U, 3U}) {
      LinkFact port;
      port.ifindex = 10 + n;
      port.name = "veth" + std::to_string(n);
      port.master = bridge.ifindex;
      facts.links.push_back(port);
    }
  }
  void say(const char* address, const char* port, const Mac& mac) {
    registry.endpoints[given::address(address)] = {given::address(address), port, mac};
  }
  [[nodiscard]] std::vector<Object> objects() const { return objects_of({fan}); }
  [[nodiscard]] std::vector<Object> objects_of(const std::vector<Fan>& fans) const {
    Facts all = facts;
    all.registry = registry;
    ObjectSet objects;
    derive_ports(objects, fans, all, "build");
    std::vector<Object> values;
    for (const auto& [key, object] : objects) {
      values.push_back(object);
    }
    return values;
  }
  [[nodiscard]] Registry read_back() const {
    std::vector<SetElement> elements;
    for (const Object& object : objects()) {
      if (const auto* element = std::get_if<SetElement>(&object)) {
        elements.push_back(*element);
      }
    }
    return registry_of(elements);
  }
};

SetElement element(const char* set, const std::string& text, const std::string& data = "") {
  return {set, text, data, NftTable::bridge};
}

TEST(PortSets, NothingSaidIsNothingMade) {
  EXPECT_TRUE(Scene().objects().empty());
}

TEST(PortSets, WhatIsSaidIsReadBack) {
  Scene scene;
  scene.say("250.0.28.2", "veth2", mac_of_two);
  scene.say("250.0.28.3", "veth3", Mac{{0x02, 0, 0, 0, 0, 3}});
  scene.say("250.0.28.4", "veth3", Mac{{0x02, 0, 0, 0, 0, 3}});
  scene.registry.secured["veth3"] = {given::prefix("10.1.0.0/16"), given::prefix("10.2.3.4/32"),
                                     *AnyPrefix::parse("2001:db8::/32"), *AnyPrefix::parse("fd00::1")};
  scene.registry.quiet.insert(scene.fan.bridge);
  scene.registry.allowed.insert({"veth2", mac_of_two});
  scene.registry.selective.insert(scene.fan.bridge);
  scene.registry.receivers.insert("veth2");
  scene.registry.unlearning.insert("veth3");
  EXPECT_EQ(scene.read_back(), scene.registry);
}

TEST(PortSets, OfARoutedPortThatIsOnlyRememberedNobodyKnowsWhetherItForwardedBefore) {
  Registry remembered;
  const Address address = given::address("250.0.28.2");
  remembered.endpoints[address] = {address, "veth9", mac_of_two};
  remembered.routed.emplace("veth9", true);
  EXPECT_TRUE(registry_of({}, remembered).routed.at("veth9"));
  const SetElement said{port_sets::addresses, "\"veth9\" . 02:00:00:00:00:02 . 250.0.28.2", {}, NftTable::bridge};
  EXPECT_FALSE(registry_of({said}, remembered).routed.at("veth9"));
  EXPECT_TRUE(
      registry_of({said, {port_sets::forwarded, "\"veth9\"", {}, NftTable::bridge}}, remembered).routed.at("veth9"));
}

TEST(PortSets, LearningThatIsOffIsSomebodyElsesWhereThePortIsNotSecured) {
  Scene scene;
  scene.facts.links.back().learning = false; // veth3
  const std::vector<SetElement> secured{element(port_sets::ports, "\"veth3\"", port_sets::secured_verdict)};
  EXPECT_EQ(registry_of({}, {}, scene.facts.links).unlearning.count("veth3"), 1U);
  EXPECT_EQ(registry_of(secured, {}, scene.facts.links).unlearning.count("veth3"), 0U);
}

TEST(PortSets, AnEndpointIsANeighbourAnEntryAndAFlag) {
  Scene scene;
  scene.say("250.0.28.2", "veth2", mac_of_two);
  const std::vector<Object> objects = scene.objects();
  EXPECT_THAT(objects, Contains(Object(
                           Neighbour{scene.fan.bridge, given::address("250.0.28.2"), mac_of_two, endpoint_protocol})));
  EXPECT_THAT(objects, Contains(Object(FdbEntry{scene.fan.bridge, mac_of_two, "veth2"})));
  EXPECT_THAT(objects, Contains(Object(PortFlag{"veth2", PortFlagName::proxy_arp_wifi})));
  EXPECT_THAT(objects, Contains(Object(FdbEntry{scene.fan.bridge, own_ear_mac, ""})));
  EXPECT_THAT(objects, Contains(Object(element(port_sets::answered, "250.0.28.1"))));
  EXPECT_THAT(objects, Contains(Object(element(port_sets::ports, "\"veth3\"", port_sets::plain_verdict))));
  EXPECT_THAT(objects, Contains(Object(Ruleset{ruleset_version(NftTable::bridge), NftTable::bridge})));
}

// Another fan's endpoint may be registered at the port, from the time when it was on that one's bridge. What is made
// for it does not depend on whether the port was secured by the command or before it.
TEST(PortSets, APortIsSecuredForAllOfItsEndpointsWhicheverFanAsksForIt) {
  Scene scene;
  Fan other = *make_fan(given::spec("251 eth0/16 type vxlan"), {given::address("172.30.0.28"), "eth0"}, 1450,
                        given::host(), {});
  other.spec.secure = true;
  scene.say("250.0.28.2", "veth2", mac_of_two);
  scene.say("251.0.28.3", "veth2", Mac{{0x02, 0, 0, 0, 0, 3}});
  const std::vector<Object> by_option = scene.objects_of({scene.fan, other});
  EXPECT_THAT(by_option, Contains(Object(element(port_sets::macs, "\"veth2\" . 02:00:00:00:00:02"))));
  EXPECT_THAT(by_option, Contains(Object(element(port_sets::macs, "\"veth2\" . 02:00:00:00:00:03"))));
  EXPECT_THAT(by_option, Contains(Object(element(port_sets::ports, "\"veth2\"", port_sets::secured_verdict))));
  EXPECT_EQ(scene.objects_of({other, scene.fan}), by_option);
  scene.registry.secured["veth2"];
  EXPECT_EQ(scene.objects_of({scene.fan, other}), by_option);
}

TEST(PortSets, OfAPortThatIsNotThereOnlyTheRecordAndWhatSecuresItStays) {
  Scene scene;
  scene.say("250.0.28.2", "gone", mac_of_two);
  scene.registry.secured["gone"];
  EXPECT_EQ(scene.read_back(), scene.registry);
  const std::vector<Object> objects = scene.objects();
  EXPECT_THAT(objects, Contains(Object(element(port_sets::ports, "\"gone\"", port_sets::secured_verdict))));
  EXPECT_THAT(objects, Not(Contains(Object(element(port_sets::answered, "250.0.28.2")))));
  EXPECT_TRUE(std::none_of(objects.begin(), objects.end(),
                           [](const Object& o) { return std::holds_alternative<Neighbour>(o); }));
}

TEST(PortSets, AFanThatSecuresItsPortsSecuresThoseWithAnEndpointThatIsNotRouted) {
  Scene scene;
  scene.fan.spec.secure = true;
  scene.say("250.0.28.2", "veth2", mac_of_two);
  EXPECT_THAT(scene.objects(), Contains(Object(element(port_sets::ports, "\"veth2\"", port_sets::secured_verdict))));
  EXPECT_THAT(scene.objects(), Contains(Object(element(port_sets::ports, "\"veth3\"", port_sets::plain_verdict))));
  scene.registry.routed["veth2"] = false; // it was attached since: nothing says what it may send as
  EXPECT_THAT(scene.objects(), Contains(Object(element(port_sets::ports, "\"veth2\"", port_sets::plain_verdict))));
}

TEST(PortSets, WhatASecuredPortMayAdvertiseIsARangeOfNumbers) {
  Scene scene;
  scene.say("250.0.28.2", "veth2", mac_of_two);
  scene.registry.secured["veth2"] = {*AnyPrefix::parse("64:ff9b::/96"), *AnyPrefix::parse("2001:db8::1")};
  const std::vector<Object> objects = scene.objects();
  EXPECT_THAT(objects, Contains(Object(element(port_sets::prefixes6, "\"veth2\" . 64:ff9b::/96"))));
  EXPECT_THAT(objects, Contains(Object(element(port_sets::prefixes6, "\"veth2\" . 2001:db8::1"))));
  EXPECT_THAT(objects,
              Contains(Object(element(port_sets::target_prefixes6, "\"veth2\" . 0x64ff9b000000000000000000000000-"
                                                                   "0x64ff9b0000000000000000ffffffff"))));
  EXPECT_THAT(objects,
              Contains(Object(element(port_sets::target_prefixes6, "\"veth2\" . 0x20010db8000000000000000000000001"))));
}

TEST(PortSets, LinkLocalAddressesAreWrittenAsNftDoes) {
  for (const auto& [mac, text] :
       {std::pair{mac_of_two, "fe80::ff:fe00:2"}, std::pair{Mac{{0x02, 0xfa, 1, 2, 3, 4}}, "fe80::fa:1ff:fe02:304"},
        std::pair{Mac{{0x5e, 0xf8, 0x84, 0x61, 0, 0}}, "fe80::5cf8:84ff:fe61:0"}}) {
    Scene scene;
    scene.say("250.0.28.2", "veth2", mac);
    scene.registry.secured["veth2"];
    EXPECT_THAT(scene.objects(),
                Contains(Object(element(port_sets::addresses6, "\"veth2\" . " + mac.str() + " . " + text))));
  }
}

TEST(PortSets, ElementsThatCannotBeReadAreLeftOut) {
  EXPECT_TRUE(registry_of({element(port_sets::addresses, "\"veth2\" . nonsense . 250.0.28.2"),
                           element(port_sets::addresses, "\"veth2\""),
                           element(port_sets::addresses, "\"veth2"),
                           element(port_sets::addresses, ""),
                           element(port_sets::prefixes, "\"veth2\" . 10.0.0.0/8"),
                           element(port_sets::prefixes6, "\"veth2\" . 2001:db8::1/32"),
                           {port_sets::addresses, "\"veth2\" . 02:00:00:00:00:02 . 250.0.28.2", "", NftTable::inet}})
                  .empty());
}

TEST(PortSets, OneScriptIsOneCommandForEachSet) {
  std::vector<Change> changes;
  for (const char* port : {"\"veth2\"", "\"veth3\""}) {
    changes.push_back({std::nullopt, element(port_sets::ports, port, port_sets::plain_verdict), "test"});
  }
  const auto script = firewall_script(changes, {}, Replacement::whole_table, NftTable::bridge);
  ASSERT_TRUE(script);
  EXPECT_EQ(script->rest, "add element bridge fanctl ports { \"veth2\" : goto plain, \"veth3\" : goto plain }\n");
  changes.push_back({std::nullopt, element(port_sets::ports, "\"x\"", "goto nowhere"), "test"});
  EXPECT_FALSE(firewall_script(changes, {}, Replacement::whole_table, NftTable::bridge)) << "no chain of ours";
}

// A packet that came between rules and the elements of a set would be refused.
TEST(PortSets, ATableThatIsNewGetsItsRulesWhenItsSetsAreFull) {
  const std::vector<Change> changes{
      {std::nullopt, Ruleset{ruleset_version(NftTable::bridge), NftTable::bridge}, "test"},
      {std::nullopt, element(port_sets::prefixes, "\"veth2\" . 10.1.0.0/16"), "test"},
      {std::nullopt, element(port_sets::ports, "\"veth2\"", port_sets::secured_verdict), "test"}};
  const auto script = firewall_script(changes, {}, Replacement::whole_table, NftTable::bridge);
  ASSERT_TRUE(script);
  EXPECT_THAT(script->sets, testing::StartsWith("create table bridge fanctl"));
  EXPECT_THAT(script->sets, testing::HasSubstr("add element bridge fanctl prefixes { \"veth2\" . 10.1.0.0/16 }"));
  EXPECT_THAT(script->sets, Not(testing::HasSubstr("chain")));
  EXPECT_EQ(script->rest, std::string(ruleset_rules(NftTable::bridge)) +
                              "add element bridge fanctl ports { \"veth2\" : goto secured }\n");
}

TEST(CheckEndpoint, SaysWhatCannotBe) {
  const Scene scene;
  const auto good = [&](const char* address, const char* port, const Mac& mac) {
    return check_endpoint({given::address(address), port, mac}, scene.fan, scene.facts).ok();
  };
  EXPECT_TRUE(good("250.0.28.2", "veth2", mac_of_two));
  EXPECT_TRUE(good("250.0.28.254", "veth2", mac_of_two));
  for (const char* address : {"250.0.28.0", "250.0.28.1", "250.0.28.255", "250.0.27.2", "172.30.0.28"}) {
    EXPECT_FALSE(good(address, "veth2", mac_of_two)) << address;
  }
  EXPECT_FALSE(good("250.0.28.2", "eth0", mac_of_two));
  EXPECT_FALSE(good("250.0.28.2", "nowhere", mac_of_two));
  for (const Mac& mac :
       {Mac{}, Mac{{1, 0, 0, 0, 0, 1}}, Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, own_ear_mac, next_hop_mac}) {
    EXPECT_FALSE(good("250.0.28.2", "veth2", mac)) << mac.str();
  }
}

} // namespace
} // namespace fan
