// Configurations in YAML: what each key comes to, and what is said about what is wrong, to the letter.
#include "config/fan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/words.h"
#include "given.h"

namespace fan {
namespace {

FanSpec only_fan(const std::string& text) {
  const auto fans = parse_fan_file(text, "f.yaml");
  EXPECT_TRUE(fans.ok()) << (fans.ok() ? "" : fans.error().message) << "\n" << text;
  EXPECT_TRUE(fans.ok() && fans->size() == 1) << text;
  return fans.ok() && !fans->empty() ? fans->front().spec : FanSpec();
}

std::string with(const std::string& lines) {
  return "version: 1\nfans:\n  f:\n    overlay: 250.0.0.0/8\n    underlay: eth0/16\n" + lines;
}

TEST(FanFile, TheExample) {
  const auto fans = parse_fan_file("version: 1\n"
                                   "fans:\n"
                                   "  fan-250:                      # also the bridge's name\n"
                                   "    overlay: 250.0.0.0/8\n"
                                   "    underlay: eth0/16\n"
                                   "    encapsulation: vxlan\n"
                                   "    accept: [vxlan, ipip]\n"
                                   "    dhcp: true\n"
                                   "mappings:\n"
                                   "  - {overlay: 251.0.0.0/8, underlay: 10.2.0.0/16}\n",
                                   "f.yaml");
  ASSERT_TRUE(fans.ok()) << fans.error().message;
  ASSERT_EQ(fans->size(), 2U);
  EXPECT_EQ(fans->at(0).name, "fan-250");
  EXPECT_EQ(fans->at(0).place.line, 3);
  EXPECT_EQ(fans->at(0).spec, given::spec("250.0.0.0/8 eth0/16 dhcp bridge fan-250 type vxlan accept ipip"));
  EXPECT_EQ(fans->at(1).name, "");
  EXPECT_EQ(fans->at(1).place.line, 10);
  EXPECT_EQ(fans->at(1).spec, given::spec("251.0.0.0/8 10.2.0.0/16 type vxlan reach"));
}

TEST(FanFile, EveryKeyIsItsWord) {
  const struct {
    const char *lines, *words;
  } table[] = {
      {"", "bridge f type vxlan"},
      {"    encapsulation: ipip\n", "bridge f"},
      {"    accept: ipip\n", "bridge f type vxlan accept ipip"},
      {"    vni: 77\n", "bridge f type vxlan vni 77"},
      {"    port: 4789\n", "bridge f type vxlan port 4789"},
      {"    mtu: 1400\n", "bridge f type vxlan mtu 1400"},
      {"    host-reserve: 3\n", "bridge f type vxlan host-reserve 3"},
      {"    dhcp: yes\n", "bridge f type vxlan dhcp"},
      {"    dhcp: Off\n", "bridge f type vxlan"},
      {"    dhcp: {}\n", "bridge f type vxlan dhcp"},
      {"    dhcp: {lease-time: 90m}\n", "bridge f type vxlan dhcp lease-time 90m"},
      {"    dhcp: {domain: fan.internal, lease-time: infinite}\n",
       "bridge f type vxlan dhcp lease-time infinite domain fan.internal"},
      {"    pools: {dhcp: 2-99, docker: 128-191, vip: 100}\n",
       "bridge f type vxlan pool dhcp=2-99 pool vip=100 pool docker=128-191"},
      {"    nat: false\n", "bridge f type vxlan no-nat"},
      {"    nat: true\n", "bridge f type vxlan"},
      {"    expose: all\n", "bridge f type vxlan expose all"},
      {"    expose: [250.0.28.5, 250.0.28.128/25]\n", "bridge f type vxlan expose 250.0.28.5 expose 250.0.28.128/25"},
      {"    ttl-security: 2\n", "bridge f type vxlan ttl-security 2"},
      {"    strict: true\n", "bridge f type vxlan strict"},
      {"    host-access: dhcp\n", "bridge f type vxlan host-access dhcp"},
      {"    block-metadata: true\n", "bridge f type vxlan block-metadata"},
      {"    isolate: true\n", "bridge f type vxlan"},
      {"    snooping: true\n", "bridge f type vxlan snooping"},
      {"    secure: true\n", "bridge f type vxlan secure"},
      {"    proxy-arp: true\n", "bridge f type vxlan proxy-arp"},
      {"    isolate: false\n", "bridge f type vxlan no-isolate"},
      {"    shortcut: true\n", "bridge f type vxlan shortcut"},
      {"    shortcut: false\n", "bridge f type vxlan"},
      {"    reach: true\n", "type vxlan reach"},
  };
  for (const auto& row : table)
    EXPECT_EQ(only_fan(with(row.lines)), given::spec(std::string("250.0.0.0/8 eth0/16 ") + row.words)) << row.lines;
}

TEST(FanFile, EveryUnderlayOfTheCommandLine) {
  for (const char* underlay : {"eth0", "eth0/20", "default", "default/12", "172.30.0.28"})
    EXPECT_EQ(only_fan(std::string("version: 1\nfans: {f: {overlay: 250, underlay: ") + underlay + "}}\n"),
              given::spec(std::string("250 ") + underlay + " type vxlan bridge f"));
}

// It may mean several addresses of a host, each with a bridge.
TEST(FanFile, ANetworkLeavesItsBridgesToTheirSlices) {
  EXPECT_EQ(only_fan("version: 1\nfans: {f: {overlay: 250, underlay: 172.30.0.0/16}}\n"),
            given::spec("250 172.30.0.0/16 type vxlan"));
}

TEST(FanFile, WithoutFans) {
  for (const char* text :
       {"", "# later\n", "version: 1\n", "version: 1\nfans:\n", "version: 1\nfans: {}\nmappings: []\n",
        "network: {version: 2}\n", "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n"}) {
    const auto fans = parse_fan_file(text, "f.yaml");
    ASSERT_TRUE(fans.ok()) << text << ": " << fans.error().message;
    EXPECT_TRUE(fans->empty()) << text;
  }
}

std::string netplan(const std::string& definitions, const std::string& underlay) {
  return "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    lan: " + definitions +
         "\n  fans:\n    f: {overlay: 250, underlay: " + underlay + "}\n";
}

TEST(FanFile, ANetplanDocumentWithItsIds) {
  const struct {
    const char *definition, *underlay, *meant;
  } table[] = {
      {"{match: {macaddress: '52:54:00:00:00:01'}, set-name: lan0}", "lan/16", "lan0/16"},
      {"{match: {name: enp3s0}}", "lan/20", "enp3s0/20"},
      {"{match: {name: enp3s0}}", "lan", "enp3s0"},
      {"{dhcp4: true}", "lan/16", "lan/16"},
      {"{match: {name: 'en*'}}", "eth7/16", "eth7/16"},
  };
  for (const auto& row : table)
    EXPECT_EQ(only_fan(netplan(row.definition, row.underlay)),
              given::spec(std::string("250 ") + row.meant + " type vxlan bridge f"))
        << row.definition;
}

// A host with three devices, whose own netplan configuration has the IDs `uplink` and `bad`.
class ThisHost : public Devices {
public:
  [[nodiscard]] std::vector<DeviceName> all() const override {
    return {{"enp1s0", *Mac::parse("52:54:00:00:00:01")},
            {"enp2s0", *Mac::parse("52:54:00:00:00:02")},
            {"wlan0", *Mac::parse("52:54:00:00:00:02")}};
  }
  [[nodiscard]] Result<std::optional<std::string>> of_netplan_id(const std::string& id) const override {
    if (id == "bad") {
      Error error;
      error.kind = ErrorClass::usage;
      error.message = "'bad' matches no device of this host";
      return error;
    }
    return id == "uplink" ? std::optional<std::string>("enp2s0") : std::nullopt;
  }
};

TEST(FanFile, DefinitionsMatchTheDevicesOfTheHost) {
  const struct {
    const char *definition, *underlay, *meant;
  } table[] = {
      {"{match: {macaddress: '52:54:00:00:00:01'}}", "lan/16", "enp1s0/16"},
      {"{match: {macaddress: '52:54:00:00:00:02', name: 'en*'}}", "lan", "enp2s0"},
      {"{match: {name: 'wl*'}}", "lan/12", "wlan0/12"},
      {"{}", "uplink/12", "enp2s0/12"},
      {"{}", "default/12", "default/12"},
  };
  for (const auto& row : table) {
    const auto fans = parse_fan_file(netplan(row.definition, row.underlay), "f.yaml", ThisHost());
    ASSERT_TRUE(fans.ok()) << row.definition << ": " << fans.error().message;
    EXPECT_EQ(fans->front().spec.underlay_text, row.meant);
  }
  const struct {
    const char *definition, *underlay, *message;
  } wrong[] = {
      {"{match: {macaddress: '52:54:00:00:00:03'}}", "lan/16", "'lan' matches no device of this host"},
      {"{match: {macaddress: '52:54:00:00:00:02'}}", "lan", "'lan' matches more than one device: enp2s0, wlan0"},
      {"{match: {name: 'en*'}}", "lan", "'lan' matches more than one device: enp1s0, enp2s0"},
      {"{match: {driver: virtio_net}}", "lan", "'lan' is matched by something else than a name or a macaddress"},
      {"{match: {macaddress: x}}", "lan", "the macaddress of 'lan'"},
      {"{match: }", "lan", "'lan' is matched by something else"},
      {"{}", "bad", "'bad' matches no device of this host"},
  };
  for (const auto& row : wrong) {
    const auto fans = parse_fan_file(netplan(row.definition, row.underlay), "f.yaml", ThisHost());
    ASSERT_FALSE(fans.ok()) << row.definition;
    EXPECT_NE(fans.error().message.find(row.message), std::string::npos) << fans.error().message;
    EXPECT_EQ(fans.error().place->line, 7);
  }
}

// In our own envelope an ID can only be the host's; without netplan a name is a device's.
TEST(FanFile, IdsOfTheHostInOurOwnEnvelope) {
  const std::string text = "version: 1\nfans: {f: {overlay: 250, underlay: uplink}}\n"
                           "mappings: [{overlay: 251, underlay: uplink/12}]\n";
  const auto fans = parse_fan_file(text, "f.yaml", ThisHost());
  ASSERT_TRUE(fans.ok());
  EXPECT_EQ(fans->at(0).spec.underlay_text, "enp2s0");
  EXPECT_EQ(fans->at(1).spec.underlay_text, "enp2s0/12");
  const auto without = parse_fan_file(text, "f.yaml");
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(without->at(0).spec.underlay_text, "uplink");
}

struct Bad {
  std::string text;
  int line, column;
  const char *message, *hint;
};

void expect_refused(const Bad& bad) {
  SCOPED_TRACE(bad.text);
  const auto fans = parse_fan_file(bad.text, "f.yaml");
  ASSERT_FALSE(fans.ok());
  EXPECT_EQ(fans.error().message, bad.message);
  EXPECT_EQ(fans.error().hint, bad.hint);
  EXPECT_EQ(fans.error().kind, ErrorClass::usage);
  ASSERT_TRUE(fans.error().place.has_value());
  EXPECT_EQ(fans.error().place->line, bad.line);
  EXPECT_EQ(fans.error().place->column, bad.column);
  EXPECT_EQ(fans.error().place->file, "f.yaml");
}

TEST(FanFile, RefusesAnEnvelopeThatIsNone) {
  const Bad table[] = {
      {"fans: {}\n", 1, 1, "version is missing", "write `version: 1`"},
      {"version: 2\n", 1, 10, "version: 1 is wanted", "a file of another version is for another fanctl"},
      {"version: [1]\n", 1, 10, "version: 1 is wanted", "a file of another version is for another fanctl"},
      {"version: 1\nfan: {}\n", 2, 1, "'fan' is no key of this file; did you mean 'fans'?", ""},
      {"version: 1\nbridges: {}\n", 2, 1, "'bridges' is no key of this file", "the keys are: version, fans, mappings"},
      {"- 1\n", 1, 1, "a mapping is wanted, and here is a list", "write `version: 1` and, below it, `fans:`"},
      {"250.0.0.0/8 eth0/16 dhcp\n", 1, 1, "a mapping is wanted, and here is a value",
       "write `version: 1` and, below it, `fans:`"},
      {"version: 1\nfans: 3\n", 2, 7, "fans: a mapping from names to fans is wanted, and here is a value", ""},
      {"version: 1\nmappings: {}\n", 2, 11, "mappings: a list of mappings is wanted, and here is a mapping", ""},
      {"version: 1\nmappings: [{overlay: 251, underlay: eth0, reach: false}]\n", 2, 50,
       "reach: this host only speaks to a fan of `mappings`", "leave it out, or move the fan to `fans`"},
      {"version: 1\nmappings: [250]\n", 2, 12,
       "mappings: a mapping with the keys of a fan is wanted, and here is a value", ""},
      {"network: {version: 1}\n", 1, 20, "version: 2 is wanted", "a file of another version is for another fanctl"},
      {"network: [a]\n", 1, 10, "network: a mapping is wanted, and here is a list", ""},
      {"network: {version: 2}\nfans: {}\n", 1, 1, "a netplan document has the one key 'network'",
       "put what is fanctl's own into another file"},
  };
  for (const Bad& bad : table)
    expect_refused(bad);
}

TEST(FanFile, RefusesAFanThatIsNone) {
  const Bad table[] = {
      {with("    dhpc: true\n"), 6, 5, "'dhpc' is no key of a fan; did you mean 'dhcp'?", ""},
      {with("    colour: red\n"), 6, 5, "'colour' is no key of a fan",
       "the keys are: overlay, underlay, encapsulation, accept, vni, port, mtu, host-reserve, pools, dhcp, nat, "
       "expose, "
       "ttl-security, strict, isolate, shortcut, reach, host-access, block-metadata, snooping, "
       "proxy-arp, secure"},
      {with("    overlay: 251.0.0.0/8\n"), 6, 5, "the key 'overlay' is there twice", "keep one of them"},
      {with("    dhcp: maybe\n"), 6, 11, "dhcp: 'maybe' is neither true nor false", ""},
      {with("    dhcp: [true]\n"), 6, 11, "dhcp: true or false is wanted, and here is a list", ""},
      {with("    dhcp: {lease: 1h}\n"), 6, 12, "'lease' is no key of dhcp", "the keys are: lease-time, domain"},
      {with("    dhcp: {domain: }\n"), 6, 12, "domain: the value is missing", "write one, or leave the key out"},
      {with("    dhcp: {lease-time: 1x}\n"), 6, 24, "lease-time: '1x' is not a time that a lease can have",
       "write seconds, or a number with m, h or d, from 2m to 365d, or 'infinite'"},
      {with("    pools: 2-99\n"), 6, 12,
       "pools: a mapping from names to ranges of host numbers is wanted, and here is a value", ""},
      {with("    pools: {dhcp: [2, 99]}\n"), 6, 19,
       "dhcp: a range of host numbers, as 2-99, is wanted, and here is a list", ""},
      {with("    pools: {dhcp: }\n"), 6, 13, "dhcp: the value is missing", "write one, or leave the key out"},
      {with("    pools: {dhcp: 2-99, a: 99-101}\n"), 6, 28,
       "pools: dhcp=2-99 and a=99-101 have addresses in common: 99 to 99", "move or shorten one of them"},
      {with("    pools: {docker: 100-200}\n"), 6, 21,
       "pools: docker: 100 to 200 is not one network, and Docker's fixed-cidr can only name one",
       "the size has to be a power of two and divide the first number: the largest that fits is docker=128-191"},
      {with("    dhcp:\n"), 6, 5, "dhcp: the value is missing", "write one, or leave the key out"},
      {with("    mtu: many\n"), 6, 10, "mtu: 'many' is not a number from 576 to 65535", ""},
      {with("    mtu: {a: b}\n"), 6, 10, "mtu: a value is wanted, and here is a mapping", ""},
      {with("    vni: 0\n"), 6, 10, "vni: '0' is not a number from 1 to 16777215", ""},
      {with("    accept: {}\n"), 6, 13, "accept: a value or a list of values is wanted, and here is a mapping", ""},
      {with("    encapsulation: ipip\n    vni: 7\n"), 7, 10, "vni is for vxlan, and this fan is ipip",
       "leave vni out, or accept vxlan too"},
      {with("  all:\n    overlay: 251\n    underlay: eth0\n"), 6, 3,
       "'all' cannot be the name of a device: the kernel's settings use this word for other things",
       "choose another name"},
      {with("  g:\n    overlay: 250.0.0.0/8\n    underlay: eth0\n"), 6, 3, "the fan 250.0.0.0/8 eth0 is there twice",
       "keep one of them"},
      {"version: 1\nfans:\n  f:\n", 3, 3, "f: the value is missing", "write one, or leave the key out"},
      {"version: 1\nfans:\n  f: 250.0.0.0/8\n", 3, 6,
       "f: a mapping with the keys of a fan is wanted, and here is a value", ""},
      {"version: 1\nfans:\n  f: {overlay: 250.0.0.0/8}\n", 3, 6, "underlay is missing",
       "a fan has at least `overlay: 250.0.0.0/8` and `underlay: eth0/16`"},
      {netplan("{match: {macaddress: '52:54:00:00:00:01'}}", "lan/16"), 7, 33,
       "underlay: 'lan' matches no device of this host",
       "give its definition a set-name, or write the device's own name"},
  };
  for (const Bad& bad : table)
    expect_refused(bad);
}

TEST(FanFile, TheErrorsOfTheCommandLineComeWithTheirKey) {
  const auto refused = parse_fan_file("version: 1\nfans: {f: {overlay: 250/33, underlay: eth0}}\n", "f.yaml");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, testing::StartsWith("overlay: '250/33'"));
  EXPECT_EQ(refused.error().place->column, 21);
}

TEST(FanFile, WhatCannotBeRecordedIsRefused) {
  const auto blank = parse_fan_file("version: 1\nfans: {f: {overlay: 250, underlay: 'eth 0'}}\n", "f.yaml");
  ASSERT_FALSE(blank.ok());
  EXPECT_TRUE(blank.error().place.has_value());
}

} // namespace
} // namespace fan
