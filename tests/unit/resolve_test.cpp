#include "core/resolve.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

std::string hosts_of(const std::string& words, const Facts& facts) {
  const auto found = candidates(given::spec(words), facts);
  if (!found.ok())
    return "error: " + found.error().message + " | " + found.error().hint;
  std::string text;
  for (const Candidate& c : *found)
    text += (text.empty() ? "" : ", ") + c.host.str() + " " + c.device;
  return text;
}

AddressFact on(std::uint32_t ifindex, const std::string& address, unsigned length) {
  return {ifindex, given::address(address), length, false, false, false};
}

TEST(Candidates, OfAnAddress) {
  EXPECT_EQ(hosts_of("250 172.30.0.28", given::host()), "172.30.0.28 eth0");
  const std::string error = hosts_of("250 172.30.0.29", given::host());
  EXPECT_THAT(error, HasSubstr("172.30.0.29 is not an address of this host"));
  EXPECT_THAT(error, HasSubstr("172.30.0.28 on eth0, 10.1.2.3 on eth1"));
  EXPECT_THAT(error, testing::Not(HasSubstr("127.0.0.1")));
}

TEST(Candidates, OfANetworkAreAllAddressesInside) {
  Facts facts = given::host();
  facts.addresses.push_back(on(3, "172.30.7.7", 32));
  facts.addresses.push_back(on(2, "172.31.0.1", 16));
  facts.addresses.push_back(on(3, "172.30.0.28", 32));
  facts.addresses.back().secondary = true;
  EXPECT_EQ(hosts_of("250 172.30.0.0/16", facts), "172.30.0.28 eth0, 172.30.7.7 eth1") << "each address once";
  EXPECT_THAT(hosts_of("250 192.168.0.0/16", facts), HasSubstr("no address in the underlay 192.168.0.0/16"));
}

TEST(Candidates, OfADeviceAreItsSuitableAddresses) {
  Facts facts = given::host();
  EXPECT_EQ(hosts_of("250 eth0", facts), "172.30.0.28 eth0");
  facts.addresses.insert(facts.addresses.begin(), on(2, "172.30.99.99", 32));
  facts.addresses.push_back(on(2, "172.30.0.30", 16));
  facts.addresses.back().secondary = true;
  facts.addresses.push_back(on(2, "172.30.0.31", 16));
  facts.addresses.back().deprecated = true;
  EXPECT_EQ(hosts_of("250 eth0", facts), "172.30.0.28 eth0, 172.30.99.99 eth0") << "a /32 comes last";
}

TEST(Candidates, OfADeviceWithSecondaryOrNoAddresses) {
  Facts facts = given::host();
  facts.addresses[1].secondary = true;
  EXPECT_EQ(hosts_of("250 eth0", facts), "172.30.0.28 eth0") << "there is nothing else";
  facts.addresses[1].deprecated = true;
  EXPECT_THAT(hosts_of("250 eth0", facts), HasSubstr("has no suitable IPv4 address"));
  facts.addresses.erase(facts.addresses.begin() + 1);
  EXPECT_THAT(hosts_of("250 eth0", facts), HasSubstr("'eth0' has no IPv4 address"));
  EXPECT_THAT(hosts_of("250 lo", facts), HasSubstr("has no suitable IPv4 address"));
}

TEST(Candidates, OfADeviceThatDoesNotExist) {
  EXPECT_THAT(hosts_of("250 ehto", given::host()), HasSubstr("'ehto' does not exist"));
  EXPECT_THAT(hosts_of("250 ehto0", given::host()), HasSubstr("did you mean 'eth0'?"));
  EXPECT_THAT(hosts_of("250 wlp3s0", given::host()), HasSubstr("the devices are: eth0, eth1"));
  Facts many = given::host();
  for (std::uint32_t n = 0; n < 1000; ++n) {
    many.links.push_back({.ifindex = 1000 + n, .name = fmt::format("veth{}", n)});
    many.addresses.push_back({.ifindex = 1000 + n, .address = Address(0x0a090000 + n), .prefix_length = 32});
  }
  EXPECT_THAT(hosts_of("250 wlp3s0", many), HasSubstr("veth7 and 992 more"));
  EXPECT_THAT(hosts_of("250 192.0.0.0/16", many), HasSubstr("10.9.0.7 on veth7 and 992 more"));
}

TEST(Candidates, OfTheDefaultRoute) {
  Facts facts = given::host();
  EXPECT_EQ(hosts_of("250 default", facts), "10.1.2.3 eth1");
  facts.default_device.clear();
  EXPECT_THAT(hosts_of("250 default", facts), HasSubstr("no IPv4 default route"));
}

TEST(Candidates, LeaveOurOwnDevicesOut) {
  Facts facts = given::host();
  LinkFact& bridge = given::add_link(facts, "fan-250-0-28", "bridge");
  given::sign(bridge);
  facts.addresses.push_back(on(bridge.ifindex, "250.0.28.1", 24));
  EXPECT_THAT(hosts_of("240 250.0.0.0/12", facts), HasSubstr("no address in the underlay"));
  EXPECT_THAT(hosts_of("240 1.2.3.4", facts), testing::Not(HasSubstr("250.0.28.1")));
}

TEST(MakeFan, WorksEverythingOut) {
  const Fan fan = given::fan("250.0.0.0/8 eth0/16 dhcp");
  EXPECT_EQ(fan.slice().str(), "250.0.28.0/24");
  EXPECT_EQ(fan.gateway().str(), "250.0.28.1");
  EXPECT_EQ(fan.host.str(), "172.30.0.28");
  EXPECT_EQ(fan.device, "eth0");
  EXPECT_EQ(fan.mtu, 1480U);
  EXPECT_EQ(fan.bridge, "fan-250-0-28");
  EXPECT_EQ(given::fan("250 eth0 bridge br7").bridge, "br7");
}

TEST(MakeFan, SavesTheForwardingThatItWillSwitchOn) {
  using Saved = std::vector<SavedForwarding>;
  Facts facts = given::host();
  EXPECT_EQ(given::fan("250 eth0", facts).forwarding, (Saved{{"eth0", false, false, 2}, {"eth1", false, false, 3}}));
  facts.links[1].forwarding = true;
  EXPECT_EQ(given::fan("250 eth0", facts).forwarding, (Saved{{"eth1", false, false, 3}}))
      << "on already, by somebody else";
  facts.default_device = "eth0";
  EXPECT_EQ(given::fan("250 eth0", facts).forwarding, Saved{});
  facts.default_device.clear();
  EXPECT_EQ(given::fan("250 eth1", facts).forwarding, (Saved{{"eth1", false, false, 3}}));
}

TEST(MakeFan, TakesOverWhatAnotherFanHasSaved) {
  Facts facts = given::host();
  const Fan first = given::fan("250 eth0", facts);
  facts.links[1].forwarding = facts.links[2].forwarding = true; // by the first fan
  const Fan second = given::fan("240 eth0", facts, {first});
  EXPECT_EQ(second.forwarding, first.forwarding);
  EXPECT_EQ(given::fan("250 eth0", facts, {first}), first) << "`up` on a fan that is up";
}

TEST(MakeFan, RefusesWhatTheMappingAndTheMtuRefuse) {
  const Candidate eth0{given::address("172.30.0.28"), "eth0"};
  const auto mapping = make_fan(given::spec("172 eth0"), eth0, 1500, given::host(), {});
  ASSERT_FALSE(mapping.ok());
  EXPECT_THAT(mapping.error().message, HasSubstr("overlap"));
  const auto mtu = make_fan(given::spec("250 eth0"), eth0, 500, given::host(), {});
  ASSERT_FALSE(mtu.ok());
  EXPECT_THAT(mtu.error().message, HasSubstr("MTU of 500"));
}

} // namespace
} // namespace fan
