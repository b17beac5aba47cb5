#include "core/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "core/object.h"
#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

TEST(Record, ReadsLikeThis) {
  EXPECT_EQ(record_of(given::fan("250.0.0.0/8 eth0/16 dhcp")),
            "fanctl/1 250.0.0.0/8 eth0/16 dhcp host-reserve 1 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0:0:2 "
            "was=eth1:0:3");
}

TEST(Record, ComesBackExactly) {
  for (const char* words :
       {"250 eth0", "250.0.0.0/8 eth0/16 dhcp", "250 172.30.0.28 auto bridge br0 origin /etc/fanctl/x.yaml",
        "250 172.30.0.0/16 type vxlan accept ipip vni 7 port 4789",
        "250 default/16 mtu 1000 no-nat expose all expose 250.0.28.0/25 ttl-security 2 strict shortcut host-reserve "
        "3"}) {
    const Fan fan = given::fan(words);
    const auto again = parse_record(record_of(fan));
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, fan) << words;
    EXPECT_EQ(alias_of(fan), record_of(fan)) << "short enough";
    EXPECT_FALSE(is_shortened(alias_of(fan)));
  }
}

TEST(Record, KeepsABridgeOfAnotherName) {
  Fan fan = given::fan("250 eth0");
  fan.bridge = "fan-250-0-27"; // the host's address moved, the bridge stayed
  const auto again = parse_record(record_of(fan));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, fan);
}

TEST(Record, TakesOddDeviceNames) {
  for (const char* name :
       {";", "=", "a=b", "a;b", "was=", "more", "#", "\"", "'", "\\", "\xff\x01", "fifteen-bytes-1"}) {
    Facts facts = given::host();
    facts.links[1].name = name;
    facts.default_device = name;
    const Fan fan = given::fan(std::string("250 ") + name + "/16", facts);
    ASSERT_EQ(fan.forwarding.size(), 1U);
    const auto again = parse_record(record_of(fan));
    ASSERT_TRUE(again.ok()) << name << ": " << again.error().message;
    EXPECT_EQ(*again, fan) << name;
  }
}

TEST(Record, RemembersWhatAMovedFanWasBefore) {
  Fan fan = given::fan("250 eth0/16", given::host());
  fan.former = {Address(0xac1e0909U), Address(0xac1f0001U)};
  EXPECT_NE(record_of(fan).find(" former=172.30.9.9 former=172.31.0.1"), std::string::npos) << record_of(fan);
  const auto again = parse_record(record_of(fan));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, fan);
  EXPECT_FALSE(parse_record(record_of(fan) + " former=172.30.9").ok());
}

// Every option at its longest.
Fan largest_fan(bool exposed) {
  Facts facts = given::host();
  facts.links[1].name = "fifteen-bytes-1";
  facts.links[2].name = "fifteen-bytes-2";
  facts.default_device = "fifteen-bytes-2";
  facts.addresses[1].address = given::address("172.130.128.228");
  std::string words = "200.128.0.0/10 fifteen-bytes-1/14 dhcp host-reserve 1000 auto bridge fifteen-bytes-3 accept "
                      "vxlan vni 16777215 port 65535 "
                      "mtu 1400 no-nat ttl-security 255 strict off";
  if (exposed)
    words += " origin /" + std::string(longest_word - 1, 'x');
  for (int i = 0; exposed && i < 16; ++i)
    words += " expose 200.130.130." + std::to_string(200 + i) + "/32";
  return given::fan(words, facts);
}

TEST(Record, OfTheLargestFanFitsTheMap) {
  const std::string text = record_of(largest_fan(true));
  EXPECT_LE(text.size(), record_max);
  EXPECT_GT(text.size(), alias_max);
  EXPECT_EQ(*parse_record(text), largest_fan(true));
}

// Found by fuzzing.
TEST(Alias, HasOnlySoManyDevicesWhoseForwardingWasSaved) {
  Fan fan = largest_fan(true);
  fan.forwarding.clear();
  for (unsigned n = 0; n < 8; ++n) {
    fan.forwarding.push_back({fmt::format("fifteen-bytes{:02}", n), n % 2 == 0, false, 1000000000 + n});
  }
  EXPECT_EQ(*parse_record(record_of(fan)), fan);
  const std::string alias = alias_of(fan);
  EXPECT_LE(alias.size(), alias_max) << alias;
  const auto read = parse_record(alias);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_TRUE(read->in_part);
  ASSERT_FALSE(read->forwarding.empty()) << "as many as there is room for";
  fan.forwarding.resize(read->forwarding.size());
  EXPECT_EQ(read->forwarding, fan.forwarding);
}

TEST(Alias, IsShortenedToWhatShowAndDownNeed) {
  for (const bool exposed : {false, true}) {
    const Fan fan = largest_fan(exposed);
    const std::string alias = alias_of(fan);
    EXPECT_LE(alias.size(), alias_max) << alias;
    ASSERT_TRUE(is_shortened(alias));
    const auto read = parse_record(alias);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->mapping, fan.mapping);
    EXPECT_EQ(read->host, fan.host);
    EXPECT_EQ(read->device, fan.device);
    EXPECT_EQ(read->bridge, fan.bridge);
    EXPECT_EQ(read->mtu, fan.mtu);
    EXPECT_EQ(read->forwarding, fan.forwarding);
    EXPECT_EQ(read->port(), fan.port());
    EXPECT_EQ(read->spec.underlay, fan.spec.underlay);
    EXPECT_EQ(read->spec.underlay_text, fan.spec.underlay_text);
    EXPECT_TRUE(read->spec.dhcp && read->spec.autostart);
    EXPECT_EQ(read->spec.host_reserve, 1000U);
    EXPECT_TRUE(read->accepts(Encapsulation::vxlan));
  }
}

TEST(Record, IsNotTrusted) {
  const struct {
    std::string text;
    const char* message;
  } table[] = {
      {"", "not a record"},
      {"uplink to the office", "not a record"},
      {"fanctl", "not a record"},
      {"fanctl/", "version ''"},
      {"fanctl/2 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480", "version '2', and this fanctl reads version 1"},
      {"fanctl/1", "ends early"},
      {"fanctl/1 ; ;", "ends early"},
      {"fanctl/1 250 eth0 origin x ; host=172.30.0.28 device=eth0 mtu=1480", "not an absolute path"},
      {"fanctl/1 250 eth0", "ends early"},
      {"fanctl/1 250 eth0 dhcp host-reserve 1", "ends early"},
      {"fanctl/1 250 eth0 dhpc ; host=172.30.0.28 device=eth0 mtu=1480", "unknown flag"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0", "missing"},
      {"fanctl/1 250 eth0 ; device=eth0 mtu=1480", "missing"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 mtu=1480", "missing"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 host=172.30.0.28 device=eth0 mtu=1480", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.280 device=eth0 mtu=1480", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.0 device=eth0 mtu=1480", "names a network"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=e:h0 mtu=1480", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=../../x mtu=1480", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=all mtu=1480", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=5", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 bridge=a/b", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0:2", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0:0:", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0:0:0", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0:0:2:3", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0:0:2147483648", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 colour=red", "no sense"},
      {"fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480 more more", "no sense"},
      {"fanctl/1 250 eth0/9 ; host=172.30.0.28 device=eth0 mtu=1480", "slice of /31"},
      {"fanctl/1 172 eth0 ; host=172.30.0.28 device=eth0 mtu=1480", "overlap"},
      {std::string("fanctl/1 250 eth0\0 ; host=172.30.0.28 device=eth0 mtu=1480", 55), "zero byte"},
      {"fanctl/1 " + std::string(1000, 'x'), "bytes"},
  };
  for (const auto& row : table) {
    const auto read = parse_record(row.text);
    ASSERT_FALSE(read.ok()) << row.text;
    EXPECT_THAT(read.error().message, HasSubstr(row.message)) << row.text;
    EXPECT_EQ(read.error().kind, ErrorClass::host_state);
  }
}

} // namespace
} // namespace fan
