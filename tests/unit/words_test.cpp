#include "core/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/number.h"
#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;
using Kind = UnderlayRef::Kind;

Result<FanSpec> parse(const std::string& text) {
  return parse_words(split_words(text));
}

TEST(Number, IsStrict) {
  EXPECT_EQ(parse_number("0", 10), 0U);
  EXPECT_EQ(parse_number("4294967295", 0xffffffffU), 0xffffffffU);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "01", "00", "1x", "0x1", "4294967296", "99999999999999999999"})
    EXPECT_EQ(parse_number(text, 0xffffffffU), std::nullopt) << text;
  EXPECT_EQ(parse_number("11", 10), std::nullopt);
}

TEST(Overlay, IsANumberOrANetwork) {
  EXPECT_EQ(parse_overlay("250")->str(), "250.0.0.0/8");
  EXPECT_EQ(parse_overlay("10")->str(), "10.0.0.0/8");
  EXPECT_EQ(parse_overlay("250.0.0.0/8")->str(), "250.0.0.0/8");
  EXPECT_EQ(parse_overlay("100.64.0.0/10")->str(), "100.64.0.0/10");
}

TEST(Overlay, RefusesWithAHint) {
  for (const char* text : {"", "256", "-1", "250/8", "250/33", "250.0.0.0", "250.0.0.0/33", "250.0.0.1/8", "eth0",
                           "0250", "0.0.0.0/0", "250.0.0.0/8 "}) {
    const auto parsed = parse_overlay(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().kind, ErrorClass::usage);
    EXPECT_NE(parsed.error().hint, "") << text;
  }
}

TEST(Underlay, Kinds) {
  const struct {
    const char* text;
    Kind kind;
    const char* value;
    unsigned length;
  } table[] = {
      {"172.30.0.28", Kind::address, "172.30.0.28", 16},
      {"172.30.0.28/16", Kind::address, "172.30.0.28", 16},
      {"172.30.0.28/20", Kind::address, "172.30.0.28", 20},
      {"172.30.0.0/16", Kind::network, "172.30.0.0/16", 16},
      {"172.30.0.0", Kind::network, "172.30.0.0/16", 16},
      {"172.30.16.0/20", Kind::network, "172.30.16.0/20", 20},
      {"172.30.16.0/16", Kind::address, "172.30.16.0", 16},
      {"eth0", Kind::device, "eth0", 16},
      {"eth0/20", Kind::device, "eth0", 20},
      {"enp0s3", Kind::device, "enp0s3", 16},
      {"br-lan/24", Kind::device, "br-lan", 24},
      {"eth0.10", Kind::device, "eth0.10", 16},
      {"eth0.10/16", Kind::device, "eth0.10", 16},
      {"#;\"", Kind::device, "#;\"", 16},
      {"default", Kind::default_route, "", 16},
      {"default/12", Kind::default_route, "", 12},
  };
  for (const auto& row : table) {
    const auto parsed = parse_underlay(row.text);
    ASSERT_TRUE(parsed.ok()) << row.text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->kind, row.kind) << row.text;
    EXPECT_EQ(parsed->prefix_length, row.length) << row.text;
    const std::string value = row.kind == Kind::address   ? parsed->address.str()
                              : row.kind == Kind::network ? parsed->network.str()
                                                          : parsed->device;
    EXPECT_EQ(value, row.value) << row.text;
  }
}

TEST(Underlay, RefusesWithAReason) {
  const struct {
    const char *text, *message;
  } table[] = {
      {"", "neither"},
      {"172.30.0.300", "not an IPv4 address"},
      {"172.30.0", "not an IPv4 address"},
      {"172.30.0.28/33", "from 1 to 32"},
      {"172.30.0.28/0", "from 1 to 32"},
      {"eth0/", "from 1 to 32"},
      {"eth0/x", "from 1 to 32"},
      {"eth0/16/16", "from 1 to 32"},
      {"/16", "neither"},
      {"fe80::1/64", "from 1 to 32"},
      {"fe80::1", "neither"},
      {"eth0:1", "neither"},
      {"all", "neither"},
      {"a-very-long-device-name", "neither"},
  };
  for (const auto& row : table) {
    const auto parsed = parse_underlay(row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_THAT(parsed.error().message, HasSubstr(row.message)) << row.text;
    EXPECT_EQ(parsed.error().kind, ErrorClass::usage);
  }
}

TEST(Words, TheAnnouncementsLine) {
  const FanSpec spec = given::spec("250.0.0.0/8 eth0/16 dhcp");
  EXPECT_EQ(spec.overlay.str(), "250.0.0.0/8");
  EXPECT_EQ(spec.underlay.device, "eth0");
  EXPECT_TRUE(spec.dhcp);
  EXPECT_TRUE(spec.nat);
  EXPECT_EQ(spec.encapsulation, Encapsulation::ipip);
  EXPECT_EQ(spec.host_reserve, 1U);
  EXPECT_EQ(spec.overlay_text, "250.0.0.0/8");
  EXPECT_EQ(spec.underlay_text, "eth0/16");
}

TEST(Words, EveryFlagInAnyOrder) {
  const FanSpec spec = given::spec(
      "250 eth0 off strict ttl-security 3 expose 250.0.28.5 expose all no-nat mtu 1400 port 4789 vni 77 accept "
      "ipip,vxlan type vxlan bridge fan0 auto host-reserve 4 dhcp");
  EXPECT_TRUE(spec.off && spec.strict && spec.expose_all && !spec.nat && spec.autostart && spec.dhcp);
  EXPECT_EQ(spec.ttl_security, 3U);
  EXPECT_EQ(spec.expose, std::vector<Prefix>{given::prefix("250.0.28.5/32")});
  EXPECT_EQ(spec.mtu, 1400U);
  EXPECT_EQ(spec.port, 4789);
  EXPECT_EQ(spec.vni, 77U);
  EXPECT_EQ(spec.encapsulation, Encapsulation::vxlan);
  EXPECT_EQ(spec.accept, std::set<Encapsulation>{Encapsulation::ipip}) << "what is sent is accepted anyway";
  EXPECT_EQ(spec.bridge, "fan0");
  EXPECT_EQ(spec.host_reserve, 4U);
}

TEST(Words, FlagsComeBackInTheOrderOfShow) {
  EXPECT_EQ(join_words(flags_of(given::spec("250 eth0 dhcp"))), "dhcp host-reserve 1");
  EXPECT_EQ(join_words(flags_of(given::spec("250 eth0 bridge b auto host-reserve 2"))), "host-reserve 2 auto bridge b");
  EXPECT_EQ(join_words(flags_of(given::spec("250 eth0 strict type vxlan dhcp"))),
            "dhcp host-reserve 1 type vxlan strict");
}

TEST(Words, RoundTripOverEveryCombinationOfFlags) {
  const std::vector<std::string> parts = {"dhcp",
                                          "host-reserve 7",
                                          "auto",
                                          "bridge br.x",
                                          "type vxlan",
                                          "vni 16777215 accept vxlan",
                                          "port 4789 accept vxlan",
                                          "mtu 1400",
                                          "no-nat",
                                          "expose all",
                                          "expose 250.0.28.0/25 expose 250.0.28.128/26",
                                          "ttl-security 255",
                                          "reach",
                                          "strict",
                                          "host-access dhcp block-metadata snooping proxy-arp secure shortcut",
                                          "off",
                                          "origin /etc/fanctl/x.yaml"};
  for (unsigned chosen = 0; chosen < 1U << parts.size(); ++chosen) {
    std::string text = "250 default/12";
    for (std::size_t i = 0; i < parts.size(); ++i)
      if ((chosen >> i & 1U) != 0)
        text += " " + parts[i];
    const auto spec = parse(text);
    if (!spec.ok()) { // vni and port each bring an `accept`, and one is enough
      ASSERT_EQ(chosen & 0x60U, 0x60U) << text << ": " << spec.error().message;
      continue;
    }
    const auto again = parse_words(words_of(*spec));
    ASSERT_TRUE(again.ok()) << text;
    ASSERT_EQ(*again, *spec) << text;
  }
}

TEST(Words, OfASpecThatNobodyTyped) {
  for (const char* underlay : {"eth0", "172.30.0.28/20", "172.30.0.0/16", "default/8"}) {
    FanSpec spec = given::spec(std::string("250 ") + underlay);
    spec.overlay_text.clear();
    spec.underlay_text.clear();
    const auto again = parse_words(words_of(spec));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->overlay, spec.overlay);
    EXPECT_EQ(again->underlay, spec.underlay);
  }
}

TEST(Words, BadInputIsRefusedWithAReason) {
  const struct {
    const char *text, *message;
  } table[] = {
      {"", "overlay is missing"},
      {"250", "underlay is missing"},
      {"250/33 eth0", "250/33"},
      {"250.0.0.0/33 eth0", "from 0 to 32"},
      {"250 eth0 dhpc", "unknown flag 'dhpc'; did you mean 'dhcp'?"},
      {"250 eth0 zzzzzzzz", "unknown flag 'zzzzzzzz'"},
      {"250 eth0 --dhcp", "did you mean 'dhcp'?"},
      {"250 eth0 DHCP", "unknown flag 'DHCP'"},
      {"250 eth0 dhcp dhcp", "'dhcp' is given twice"},
      {"250 eth0 type vxlan type vxlan", "'type' is given twice"},
      {"250 eth0 host-reserve", "a number of addresses is missing after 'host-reserve'"},
      {"250 eth0 host-reserve 0", "host-reserve: '0' is not a number from 1"},
      {"250 eth0 host-reserve -1", "'-1' is not a number"},
      {"250 eth0 host-reserve 99999999999", "is not a number"},
      {"250 eth0 host-reserve dhcp", "'dhcp' is not a number"},
      {"250 eth0 bridge", "the name of a bridge is missing"},
      {"250 eth0 bridge sixteen-bytes-12", "16 bytes"},
      {"250 eth0 bridge all", "bridge: 'all'"},
      {"250 eth0 bridge default", "bridge: 'default'"},
      {"250 eth0 bridge fan%d", "'%'"},
      {"250 eth0 bridge a/b", "'/'"},
      {"250 eth0 bridge fanvx8472", "tunnel"},
      {"250 eth0 type", "ipip or vxlan is missing"},
      {"250 eth0 type gre", "type: 'gre' is not an encapsulation"},
      {"250 eth0 accept ipip,", "accept: ''"},
      {"250 eth0 accept ,", "accept: ''"},
      {"250 eth0 accept ipip,gre", "accept: 'gre'"},
      {"250 eth0 type vxlan vni 0", "vni: '0' is not a number from 1 to 16777215"},
      {"250 eth0 type vxlan vni 16777216", "from 1 to 16777215"},
      {"250 eth0 type vxlan port 0", "from 1 to 65535"},
      {"250 eth0 type vxlan port 65536", "from 1 to 65535"},
      {"250 eth0 vni 5", "'vni' is for vxlan, and this fan is ipip"},
      {"250 eth0 port 5", "'port' is for vxlan"},
      {"250 eth0 mtu 575", "from 576 to 65535"},
      {"250 eth0 mtu 1500b", "mtu: '1500b'"},
      {"250 eth0 expose", "a network or 'all' is missing"},
      {"250 eth0 expose 250.0.28.1/24", "expose: '250.0.28.1/24'"},
      {"250 eth0 ttl-security 0", "from 1 to 255"},
      {"250 eth0 host-access some", "no kind of access"},
      {"250 eth0 dhcp host-access none", "does not let ask"},
      {"250 eth0 ttl-security 256", "from 1 to 255"},
      {"250 eth0 origin", "the path of a file is missing"},
      {"250 eth0 origin x.yaml", "origin: 'x.yaml' is not an absolute path"},
  };
  for (const auto& row : table) {
    const auto parsed = parse(row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_THAT(parsed.error().message, HasSubstr(row.message)) << row.text;
    EXPECT_EQ(parsed.error().kind, ErrorClass::usage) << row.text;
  }
}

TEST(Words, OddBytesAreRefusedAndShownSafely) {
  const struct {
    std::vector<std::string> words;
    const char* message;
  } table[] = {
      {{"250", ""}, "word 2 is empty"},
      {{"250", std::string("eth0\0", 5)}, "'eth0\\x00' has a blank or a zero byte"},
      {{"250", "eth0", std::string("dhcp\0", 5)}, "zero byte"},
      {{"250", "eth 0"}, "blank"},
      {{"250", std::string(65, 'x')}, "too long"},
      {{"250", "eth0", "\x1b[31m"}, "'\\x1b[31m'"},
  };
  for (const auto& row : table) {
    const auto parsed = parse_words(row.words);
    ASSERT_FALSE(parsed.ok());
    EXPECT_THAT(parsed.error().message, HasSubstr(row.message));
  }
}

TEST(Words, ManyExposedNetworksAreRefused) {
  std::string text = "250 eth0";
  for (int i = 0; i < 17; ++i)
    text += " expose 250.0.28." + std::to_string(i);
  EXPECT_FALSE(parse(text).ok());
  text.resize(text.rfind(" expose"));
  EXPECT_TRUE(parse(text).ok());
}

TEST(Words, AnErrorPointsAtItsWord) {
  const struct {
    const char* line;
    int column;
  } table[] = {
      {"250 eth0 dhpc", 10},           {"250/33 eth0", 1}, {"  250\teth0/99 dhcp", 7},
      {"250 eth0 host-reserve x", 23}, {"250", 4},         {"250 eth0 bridge", 10},
      {"250 eth0 dhcp   dhcp", 17},
  };
  for (const auto& row : table) {
    const TextPlace place{"/etc/network/fan", 3, 0, row.line};
    const auto parsed = parse_words(split_words(row.line), &place);
    ASSERT_FALSE(parsed.ok()) << row.line;
    ASSERT_TRUE(parsed.error().place.has_value());
    EXPECT_EQ(parsed.error().place->line, 3);
    EXPECT_EQ(parsed.error().place->column, row.column) << row.line;
  }
  EXPECT_FALSE(parse("250").error().place.has_value());
}

} // namespace
} // namespace fan
