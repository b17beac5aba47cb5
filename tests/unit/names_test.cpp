#include "core/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mtu.h"
#include "core/suggest.h"
#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

TEST(BridgeName, FollowsTheSlice) {
  const struct {
    const char *slice, *name;
  } table[] = {
      {"250.0.28.0/24", "fan-250-0-28"},
      {"250.3.4.0/24", "fan-250-3-4"},
      {"250.0.0.0/24", "fan-250"},
      {"250.1.0.0/16", "fan-250-1"},
      {"10.0.0.4/30", "fan-10-0-0-4"},
      {"242.107.128.0/17", "fan-242-107-128"},
      {"250.255.255.0/24", "fan-250-255-255"},
      {"33.240.16.32/28", "fan-21f01020"},
      {"240.16.32.48/28", "fan-f0102030"},
      {"250.4.8.12/30", "fan-250-4-8-12"},
  };
  for (const auto& row : table)
    EXPECT_EQ(bridge_name(given::prefix(row.slice)), row.name);
}

TEST(BridgeName, IsAlwaysAValidNameThatBeginsWithFan) {
  for (std::uint32_t n = 1; n < 65535; n += 13) {
    const std::string name = bridge_name(Prefix::of(Address(0xf0000000U + n * 0x0003f7a4U), 30));
    ASSERT_TRUE(validate_device_name(name).ok()) << name;
    ASSERT_EQ(name.rfind("fan-", 0), 0U) << name;
  }
}

TEST(TunnelName, DoesNotBeginLikeABridge) {
  EXPECT_EQ(tunnel_name(Encapsulation::ipip, 8472), "fanip");
  EXPECT_EQ(tunnel_name(Encapsulation::vxlan, 8472), "fanvx8472");
  EXPECT_TRUE(validate_device_name(tunnel_name(Encapsulation::vxlan, 65535)).ok());
}

TEST(DeviceName, SaysWhatIsWrong) {
  const struct {
    std::string name;
    const char* why;
  } table[] = {
      {"", "empty"},       {"fan-250-255-2550", "16 bytes"},
      {"a/b", "'/'"},      {"a b", "' '"},
      {"a\tb", "x09"},     {".", "folder"},
      {"..", "folder"},    {"fan%d", "'%'"},
      {"all", "settings"}, {"default", "settings"},
      {"eth0:1", "':'"},   {"-x", "options"},
      {"a\"b", "'\"'"},    {"a*", "'*'"},
      {"\xc3\xa9", "xc3"}, {std::string("a\0b", 3), "x00"},
      {"a;b", "';'"},      {"$(x)", "'$'"},
  };
  for (const auto& row : table) {
    const auto valid = validate_device_name(row.name);
    ASSERT_FALSE(valid.ok()) << row.name;
    EXPECT_THAT(valid.error().message, HasSubstr(row.why));
    EXPECT_EQ(valid.error().kind, ErrorClass::usage);
  }
  for (const char* name : {"fan-250-0-28", "br-lan", "eth0.10", "enp0s3", "x", "veth_a@b+c=d", "fifteen-bytes-1"})
    EXPECT_TRUE(validate_device_name(name).ok()) << name;
}

TEST(DeviceName, OfADeviceThatIsThereMayBeOdd) {
  for (const char* name : {"eth0", "a\"b", "we%d", "#", ";", "\xc3\xa9th0", "\x01"})
    EXPECT_TRUE(is_device_name(name)) << name;
  for (const char* name : {"", "a b", "a/b", "a:b", ".", "..", "all", "default", "sixteen-bytes-12", "a\xa0"})
    EXPECT_FALSE(is_device_name(name)) << name;
}

TEST(Macs, DifferBetweenBridgeAndTunnelAndBetweenHosts) {
  EXPECT_EQ(bridge_mac(given::prefix("250.0.28.0/24")).str(), "02:fa:fa:00:1c:01");
  EXPECT_EQ(tunnel_mac(given::address("172.30.0.28")).str(), "02:fa:ac:1e:00:1c");
  EXPECT_NE(tunnel_mac(given::address("172.30.0.28")), tunnel_mac(given::address("172.30.0.27")));
}

TEST(OurSign, IsGroupAndMac) {
  LinkFact link;
  link.kind = "bridge";
  EXPECT_FALSE(is_ours(link));
  link.group = link_group;
  EXPECT_FALSE(is_ours(link)) << "the group alone may be anybody's";
  given::sign(link);
  EXPECT_TRUE(is_ours(link));
  link.group = 0;
  EXPECT_FALSE(is_ours(link));
}

TEST(Mtu, IsThePathMtuWithoutTheOverhead) {
  EXPECT_EQ(*fan_mtu(Encapsulation::ipip, 1500), 1480U);
  EXPECT_EQ(*fan_mtu(Encapsulation::vxlan, 1500), 1450U);
  EXPECT_EQ(*fan_mtu(Encapsulation::vxlan, 9000), 8950U);
  EXPECT_EQ(*fan_mtu(Encapsulation::ipip, 65536), 65516U);
  EXPECT_EQ(*fan_mtu(Encapsulation::ipip, 596), 576U);
  EXPECT_EQ(*fan_mtu(Encapsulation::ipip, 4000000000U), 65535U);
  const auto small = fan_mtu(Encapsulation::ipip, 595);
  ASSERT_FALSE(small.ok());
  EXPECT_EQ(small.error().kind, ErrorClass::host_state);
  EXPECT_THAT(small.error().hint, HasSubstr("596"));
  EXPECT_FALSE(fan_mtu(Encapsulation::vxlan, 0).ok());
}

TEST(Mtu, CountsWhatIsAcceptedToo) {
  EXPECT_EQ(*fan_mtu(given::spec("250 eth0"), 1500), 1480U);
  EXPECT_EQ(*fan_mtu(given::spec("250 eth0 accept vxlan"), 1500), 1450U);
  EXPECT_EQ(*fan_mtu(given::spec("250 eth0 type vxlan accept ipip"), 1500), 1450U);
}

TEST(Mtu, AsAskedMustFit) {
  EXPECT_EQ(*fan_mtu(given::spec("250 eth0 mtu 1400"), 1500), 1400U);
  EXPECT_EQ(*fan_mtu(given::spec("250 eth0 mtu 1480"), 1500), 1480U);
  const auto large = fan_mtu(given::spec("250 eth0 mtu 1481"), 1500);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().kind, ErrorClass::usage);
  EXPECT_THAT(large.error().hint, HasSubstr("mtu 1480"));
}

TEST(Suggest, FindsTheNearest) {
  const std::vector<std::string> names = {"dhcp", "bridge", "host-reserve", "off", "auto"};
  EXPECT_EQ(nearest("dhpc", names), "dhcp");
  EXPECT_EQ(nearest("brigde", names), "bridge");
  EXPECT_EQ(nearest("hostreserve", names), "host-reserve");
  EXPECT_EQ(nearest("of", names), "off");
  EXPECT_EQ(nearest("zzzz", names), std::nullopt);
  EXPECT_EQ(nearest("", names), std::nullopt);
  EXPECT_EQ(nearest("x", names), std::nullopt);
  EXPECT_EQ(nearest(std::string(100000, 'd'), names), std::nullopt);
  EXPECT_EQ(did_you_mean("dhpc", names), "did you mean 'dhcp'?");
  EXPECT_EQ(did_you_mean("zzzz", names), "");
}

} // namespace
} // namespace fan
