// What is written as YAML reads back as the same fan; LXD's networks become fans of ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/fan_file.h"
#include "config/fan_yaml.h"
#include "config/lxd_network.h"
#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

FanSpec read_back(const NamedSpec& fan) {
  const std::string text = yaml_of({&fan, 1});
  const auto fans = parse_fan_file(text, "f.yaml");
  EXPECT_TRUE(fans.ok() && fans->size() == 1) << text << (fans.ok() ? "" : fans.error().message);
  return fans.ok() && !fans->empty() ? fans->front().spec : FanSpec();
}

TEST(FanYaml, ReadsBackAsItWas) {
  for (const char* words :
       {"250 eth0", "250.0.0.0/8 eth0/16 dhcp type vxlan",
        "250 default/12 host-reserve 3 no-nat strict no-isolate shortcut",
        "250 172.30.0.28 type vxlan vni 77 port 4789 mtu 1400 accept ipip ttl-security 2",
        "250 eth0 expose 250.0.28.5 expose 250.0.28.128/25", "250 eth0 expose all accept vxlan vni 5",
        "250 eth0 dhcp lease-time 90m domain fan.internal pool dhcp=2-99 pool docker=128-191 pool vip=100",
        "250 #;\"'x dhcp", "250 -x", "250 null", "250 br-lan.10/20"}) {
    FanSpec spec = given::spec(words);
    spec.bridge = "fan-x";
    EXPECT_EQ(read_back({"fan-x", spec, "two\nlines"}), spec) << words;
  }
  for (const char* words : {"250 eth0 reach type vxlan", "250 172.30.0.0/16 type vxlan"})
    EXPECT_EQ(read_back({"fan-x", given::spec(words), ""}), given::spec(words)) << words;
}

TEST(FanYaml, WhatIsOffIsAComment) {
  const NamedSpec fans[] = {{"a", given::spec("250 eth0 off"), "from here"}, {"b", given::spec("251 eth0"), ""}};
  EXPECT_EQ(yaml_of(fans), "version: 1\nfans:\n"
                           "  # from here\n"
                           "#   a:\n#     overlay: 250\n#     underlay: eth0\n#     encapsulation: ipip\n"
                           "  b:\n    overlay: 251\n    underlay: eth0\n    encapsulation: ipip\n");
}

TEST(FanYaml, NamesComeFromTheOverlay) {
  EXPECT_EQ(name_for(given::spec("250 eth0")), "fan-250");
  EXPECT_EQ(name_for(given::spec("250 eth0 bridge mine")), "mine");
}

constexpr const char* lxd = "config:\n  bridge.mode: fan\n  fan.overlay_subnet: 240.0.0.0/8\n"
                            "  fan.underlay_subnet: 10.0.0.0/16\n  ipv4.nat: \"true\"\n"
                            "description: \"\"\nname: lxdfan0\ntype: bridge\nused_by:\n- /1.0/profiles/default\n"
                            "managed: true\nstatus: Created\nlocations:\n- none\n";

TEST(LxdNetwork, IsAFan) {
  EXPECT_TRUE(is_lxd_network(lxd));
  EXPECT_FALSE(is_lxd_network("250 eth0 dhcp\n"));
  const auto network = parse_lxd_network(lxd, "f");
  ASSERT_TRUE(network.ok()) << network.error().message;
  EXPECT_EQ(network->fan.name, "fan-240");
  EXPECT_EQ(network->fan.spec, given::spec("240.0.0.0/8 10.0.0.0/16 dhcp type vxlan"));
  EXPECT_THAT(network->fan.comment, HasSubstr("LXD's network lxdfan0, which bridges where this fan routes"));
}

TEST(LxdNetwork, ItsSettings) {
  const struct {
    const char *lines, *words;
  } table[] = {
      {"", "240.0.0.0/8 default/16 dhcp type vxlan"},
      {"  fan.underlay_subnet: auto\n", "240.0.0.0/8 default/16 dhcp type vxlan"},
      {"  fan.type: ipip\n", "240.0.0.0/8 default/16 dhcp"},
      {"  ipv4.nat: \"false\"\n  dns.domain: lxd\n", "240.0.0.0/8 default/16 dhcp type vxlan no-nat domain lxd"},
      {"  ipv4.dhcp.expiry: 12h\n  bridge.mtu: \"1400\"\n",
       "240.0.0.0/8 default/16 dhcp type vxlan mtu 1400 lease-time 12h"},
      {"  dns.domain: \"\"\n  bridge.mtu: \"\"\n", "240.0.0.0/8 default/16 dhcp type vxlan"},
      {"  ipv4.dhcp: \"false\"\n  dns.domain: lxd\n", "240.0.0.0/8 default/16 type vxlan"},
  };
  for (const auto& row : table) {
    const auto network = parse_lxd_network(std::string("config:\n  bridge.mode: fan\n") + row.lines, "f");
    ASSERT_TRUE(network.ok()) << row.lines << network.error().message;
    EXPECT_EQ(network->fan.spec, given::spec(row.words)) << row.lines;
  }
}

TEST(LxdNetwork, SaysWhatIsLeftOut) {
  const std::string head = std::string("config:\n  bridge.mode: fan\n  ipv4.nat: \"true\"\n  bridge.mtu: \"1400\"\n");
  const auto all = parse_lxd_network(head + "  dns.domain: lxd\n  ipv4.dhcp.expiry: 12h\n", "f");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->notes, std::vector<std::string>{});
  const auto some = parse_lxd_network(
      head + "  ipv4.dhcp: \"false\"\n  dns.domain: lxd\n  ipv6.address: none\n  user.x: \"\"\n  dns.mode: dynamic\n",
      "f");
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(some->notes, (std::vector<std::string>{"f: 'dns.domain: lxd' is left out, as ipv4.dhcp is false",
                                                   "f: 'ipv6.address: none' has no meaning here and is left out",
                                                   "f: 'dns.mode: dynamic' has no meaning here and is left out"}));
}

TEST(LxdNetwork, RefusesWhatIsNone) {
  const struct {
    const char* text;
    int line;
    const char* message;
  } table[] = {
      {"config:\n  bridge.mode: standard\n", 2, "this network is no fan"},
      {"name: bridge.mode:x\n", 1, "no `config:`"},
      {"config:\n  bridge.mode: fan\n  fan.type: gre\n", 3, "fan.type: 'gre'"},
      {"config:\n  bridge.mode: fan\n  fan.overlay_subnet: x\n", 3, "fan.overlay_subnet: "},
      {"config:\n  bridge.mode: fan\n  fan.underlay_subnet: fe80::/64\n", 3, "fan.underlay_subnet: "},
      {"config:\n  bridge.mode: fan\n  bridge.mtu: big\n", 3, "bridge.mtu: "},
      {"config:\n  bridge.mode: fan\n  ipv4.dhcp.expiry: 1w\n", 3, "ipv4.dhcp.expiry: "},
      {"config: [\n", 2, "not YAML"},
  };
  for (const auto& row : table) {
    const auto network = parse_lxd_network(row.text, "f");
    ASSERT_FALSE(network.ok()) << row.text;
    EXPECT_THAT(network.error().message, HasSubstr(row.message)) << row.text;
    EXPECT_EQ(network.error().place->line, row.line) << row.text;
  }
}

} // namespace
} // namespace fan
