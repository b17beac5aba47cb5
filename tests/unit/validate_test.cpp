#include "core/validate.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

// "" when valid, else message and hint.
std::string problem(const Fan& fan, const Facts& facts = given::host(), const std::vector<Fan>& others = {}) {
  const auto valid = validate(fan, others, facts);
  return valid.ok() ? "" : valid.error().message + " | " + valid.error().hint;
}

Facts with(const std::function<void(Facts&)>& change) {
  Facts facts = given::host();
  change(facts);
  return facts;
}

TEST(Validate, TakesAGoodFan) {
  EXPECT_EQ(problem(given::fan("250 eth0 dhcp")), "");
  EXPECT_EQ(problem(given::fan("250 eth0 dhcp")), "") << "and again beside itself";
  const Fan fan = given::fan("250 eth0 type vxlan");
  EXPECT_EQ(problem(fan, given::host(), {fan}), "");
  EXPECT_EQ(problem(fan, given::host(), {given::fan("250 eth0 type ipip")}), "") << "an earlier state of the same fan";
  EXPECT_EQ(problem(fan, given::host(), {given::fan("240 eth1/16")}), "");
}

TEST(Validate, HostPart) {
  const Facts zeros =
      with([](Facts& f) { f.addresses[1] = {2, given::address("172.30.16.0"), 16, false, false, false}; });
  EXPECT_EQ(problem(given::fan("250 eth0/16", zeros), zeros), "");
  EXPECT_THAT(problem(given::fan("250 eth0/20", zeros), zeros), HasSubstr("host part of all zeros"));
  const Facts ones = with([](Facts& f) { f.addresses[1].address = given::address("172.30.255.255"); });
  EXPECT_THAT(problem(given::fan("250 172.30.255.255", ones), ones), HasSubstr("names a network"));
}

TEST(Validate, Reserve) {
  EXPECT_EQ(problem(given::fan("250 eth0 host-reserve 253")), "");
  EXPECT_THAT(problem(given::fan("250 eth0 host-reserve 254")), HasSubstr("from 1 to 253"));
  EXPECT_THAT(problem(given::fan("250 eth0 host-reserve 254 dhcp")), HasSubstr("no address for DHCP to give away"));
  EXPECT_EQ(problem(given::fan("250 eth0/10")), "") << "a /30 holds one endpoint";
  EXPECT_THAT(problem(given::fan("250 eth0/10 host-reserve 2")), HasSubstr("from 1 to 1"));
}

TEST(Validate, Exposed) {
  EXPECT_EQ(problem(given::fan("250 eth0 expose 250.0.28.0/25 expose all")), "");
  EXPECT_THAT(problem(given::fan("250 eth0 expose 250.0.29.0/25")),
              HasSubstr("not inside this host's slice 250.0.28.0/24"));
  EXPECT_THAT(problem(given::fan("250 eth0 expose 250.0.0.0/16")), HasSubstr("not inside"));
  EXPECT_EQ(problem(given::fan("250 172.30.0.0/16 expose 250.0.29.0/25")), "")
      << "perhaps the slice of another address";
  EXPECT_THAT(problem(given::fan("250 172.30.0.0/16 expose 10.0.0.0/25")), HasSubstr("not inside the overlay"));
}

TEST(Validate, OtherOverlays) {
  const Fan other = given::fan("250.0.0.0/9 eth1/17 type vxlan");
  EXPECT_THAT(problem(given::fan("250 eth0"), given::host(), {other}),
              HasSubstr("the overlay 250.0.0.0/8 overlaps the overlay 250.0.0.0/9"));
  EXPECT_THAT(problem(given::fan("250 eth0"), given::host(), {other}), HasSubstr("fanctl down 250.0.0.0/9 eth1/17"));
  Facts nested = given::host();
  nested.addresses.push_back({3, given::address("250.9.0.5"), 24, false, false, false});
  const Fan inner = given::fan("240 250.9.0.5", nested);
  EXPECT_THAT(problem(given::fan("250 eth0"), given::host(), {inner}), HasSubstr("overlaps the underlay 250.9.0.0/16"));
  EXPECT_THAT(problem(inner, nested, {given::fan("250 eth0")}),
              HasSubstr("the underlay 250.9.0.0/16 overlaps the overlay"));
}

TEST(Validate, FansOfOneMappingAgree) {
  const Facts two = with([](Facts& f) {
    f.addresses.push_back({3, given::address("172.30.0.77"), 16, false, false, false});
  });
  const auto fan = [&](const std::string& address, const std::string& flags) {
    return given::fan("250 " + address + " " + flags, two);
  };
  EXPECT_EQ(problem(fan("172.30.0.28", "type vxlan"), two, {fan("172.30.0.77", "type vxlan dhcp")}), "");
  EXPECT_THAT(problem(fan("172.30.0.28", "type vxlan"), two, {fan("172.30.0.77", "type ipip")}),
              HasSubstr("type vxlan differs from ipip"));
  EXPECT_THAT(problem(fan("172.30.0.28", "type vxlan vni 5"), two, {fan("172.30.0.77", "type vxlan")}),
              HasSubstr("vni 5 differs"));
  EXPECT_THAT(problem(fan("172.30.0.28", "type vxlan port 5"), two, {fan("172.30.0.77", "type vxlan")}),
              HasSubstr("port 5 differs"));
}

TEST(Validate, BridgeName) {
  EXPECT_THAT(problem(given::fan("250 eth0 bridge eth1")), HasSubstr("'eth1' is there already, and no fan made it"));
  EXPECT_THAT(problem(given::fan("250 eth0 bridge b"), given::host(), {given::fan("240 eth1 bridge b")}),
              HasSubstr("bridge 'b' is taken"));
  Facts facts = given::host();
  LinkFact& bridge = given::add_link(facts, "fan-250-0-28", "bridge");
  EXPECT_THAT(problem(given::fan("250 eth0"), facts), HasSubstr("no fan made it"));
  given::sign(bridge);
  EXPECT_EQ(problem(given::fan("250 eth0"), facts), "") << "half made by us";
  bridge.kind = "vxlan";
  EXPECT_THAT(problem(given::fan("250 eth0"), facts), HasSubstr("no fan made it"));
  Fan odd = given::fan("250 eth0");
  odd.bridge = "fanvx8472";
  EXPECT_THAT(problem(odd), HasSubstr("kept for a tunnel device"));
}

TEST(Validate, NetworksOfThisHost) {
  Facts facts = given::host();
  LinkFact& docker = given::add_link(facts, "docker0", "bridge");
  const std::uint32_t ifindex = docker.ifindex;
  facts.addresses.push_back({ifindex, given::address("250.17.0.1"), 16, false, false, false});
  EXPECT_THAT(problem(given::fan("250 eth0"), facts),
              HasSubstr("overlaps 250.17.0.0/16, the network of 250.17.0.1 on device 'docker0'"));
  given::sign(facts.links.back());
  EXPECT_EQ(problem(given::fan("250 eth0"), facts), "") << "a fan bridge of ours";
}

TEST(Validate, UnderlayDeviceOfOurs) {
  Facts facts = given::host();
  given::sign(facts.links[1]);
  Fan fan = given::fan("250 eth0");
  EXPECT_THAT(problem(fan, facts), HasSubstr("belongs to a fan"));
}

TEST(Validate, ForeignVxlanDevices) {
  const auto facts = [](std::uint16_t port, bool ours) {
    Facts f = given::host();
    LinkFact& vxlan = given::add_link(f, "flannel.1", "vxlan");
    vxlan.port = port;
    if (ours)
      given::sign(vxlan);
    return f;
  };
  EXPECT_THAT(problem(given::fan("250 eth0 type vxlan"), facts(8472, false)),
              HasSubstr("UDP port 8472 is taken by the vxlan device 'flannel.1'"));
  EXPECT_THAT(problem(given::fan("250 eth0 accept vxlan"), facts(8472, false)), HasSubstr("port 8472 is taken"));
  EXPECT_EQ(problem(given::fan("250 eth0 type vxlan"), facts(4789, false)), "");
  EXPECT_EQ(problem(given::fan("250 eth0 type vxlan"), facts(8472, true)), "");
  EXPECT_EQ(problem(given::fan("250 eth0 type ipip"), facts(8472, false)), "");
  EXPECT_EQ(problem(given::fan("250 eth0 type vxlan port 4790"), facts(8472, false)), "");
}

TEST(Validate, ForeignIpipDevices) {
  const struct {
    bool external, up;
    const char* local;
    const char* message; // "" when it is no trouble
  } table[] = {
      {true, false, "0.0.0.0", "the kernel allows one"},
      {false, false, "0.0.0.0", ""}, // tunl0 as the module makes it
      {false, true, "0.0.0.0", "it is in use"},
      {false, false, "172.30.0.28", "out of the fan's sight"},
      {false, true, "172.30.0.28", "out of the fan's sight"},
      {false, true, "10.1.2.3", ""},
  };
  for (const auto& row : table) {
    Facts facts = given::host();
    LinkFact& link = given::add_link(facts, "tunl0", "ipip");
    link.external = row.external;
    link.up = row.up;
    link.local = given::address(row.local);
    const std::string found = problem(given::fan("250 eth0"), facts);
    EXPECT_EQ(found.empty(), *row.message == '\0') << row.local << " " << found;
    EXPECT_THAT(found, HasSubstr(row.message));
    EXPECT_EQ(problem(given::fan("250 eth0 type vxlan"), facts), "") << "nothing to a vxlan fan";
    EXPECT_EQ(found.empty() || found.ends_with("or use 'type vxlan'"), true) << found;
    const std::string both = problem(given::fan("250 eth0 type vxlan accept ipip"), facts);
    EXPECT_EQ(both.empty() || both.ends_with("or leave 'accept ipip' out"), true) << both;
    facts.links.back().group = link_group;
    EXPECT_EQ(problem(given::fan("250 eth0"), facts), "") << "ours";
  }
}

TEST(Validate, TunnelNameTaken) {
  Facts facts = given::host();
  given::add_link(facts, "fanvx8472", "dummy");
  EXPECT_THAT(problem(given::fan("250 eth0 type vxlan"), facts), HasSubstr("'fanvx8472' is there already"));
  EXPECT_EQ(problem(given::fan("250 eth0"), facts), "");
}

} // namespace
} // namespace fan
