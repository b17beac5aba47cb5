#include "core/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

TEST(Address, ReadsFourNumbers) {
  EXPECT_EQ(given::address("172.30.0.28").v4(), 0xac1e001cU);
  EXPECT_EQ(given::address("0.0.0.0"), Address());
  EXPECT_EQ(given::address("255.255.255.255").v4(), 0xffffffffU);
}

TEST(Address, IsHeldIpv4MappedInNetworkOrder) {
  const std::array<std::uint8_t, 16> expected = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 172, 30, 0, 28};
  EXPECT_EQ(given::address("172.30.0.28").bytes(), expected);
}

TEST(Address, RefusesEverythingElse) {
  const std::string with_zero("1.2.3.4\0", 8);
  for (const std::string& text :
       {std::string(), std::string("1"), std::string("1.2.3"), std::string("1.2.3.4.5"), std::string("1.2.3.256"),
        std::string("01.2.3.4"), std::string("1.2.3.4 "), std::string(" 1.2.3.4"), std::string("1..3.4"),
        std::string("1.2.3."), std::string(".1.2.3"), std::string("1.2.3.-4"), std::string("1.2.3.+4"),
        std::string("0x1.2.3.4"), std::string("1.2.3.4294967296"), std::string("fe80::1"),
        std::string("::ffff:1.2.3.4"), with_zero}) {
    const auto parsed = Address::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().kind, ErrorClass::usage) << text;
  }
}

TEST(Address, PrintsWhatItRead) {
  for (const char* text : {"0.0.0.0", "10.0.0.1", "172.30.0.28", "255.255.255.255"})
    EXPECT_EQ(given::address(text).str(), text);
}

TEST(Prefix, RefusesHostBitsAndNamesTheNetworkThatWasMeant) {
  const auto parsed = Prefix::parse("250.0.28.1/24");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(parsed.error().hint, HasSubstr("250.0.28.0/24"));
}

TEST(Prefix, RefusesBadText) {
  for (const char* text : {"250.0.0.0", "250.0.0.0/", "250.0.0.0/33", "250.0.0.0/-1", "250.0.0.0/08", "250.0.0.0/8/8",
                           "/8", "250/8", "250.0.0.0/ 8", "250.0.0.0/255.0.0.0"})
    EXPECT_FALSE(Prefix::parse(text).ok()) << text;
  EXPECT_FALSE(Prefix::make(Address(), 33).ok());
}

TEST(Prefix, KnowsItsParts) {
  const Prefix p = given::prefix("250.0.28.0/24");
  EXPECT_EQ(p.at(1).str(), "250.0.28.1");
  EXPECT_EQ(p.broadcast().str(), "250.0.28.255");
  EXPECT_EQ(p.netmask().str(), "255.255.255.0");
  EXPECT_EQ(p.str(), "250.0.28.0/24");
  EXPECT_EQ(given::prefix("0.0.0.0/0").broadcast().v4(), 0xffffffffU);
  EXPECT_EQ(given::prefix("1.2.3.4/32").broadcast(), given::address("1.2.3.4"));
}

TEST(Prefix, ContainsAndOverlaps) {
  const Prefix eight = given::prefix("250.0.0.0/8");
  const Prefix inside = given::prefix("250.0.28.0/24");
  EXPECT_TRUE(eight.contains(inside));
  EXPECT_FALSE(inside.contains(eight));
  EXPECT_TRUE(inside.overlaps(eight));
  EXPECT_TRUE(eight.overlaps(inside));
  EXPECT_FALSE(inside.overlaps(given::prefix("250.0.29.0/24")));
  EXPECT_TRUE(given::prefix("0.0.0.0/0").contains(given::address("255.1.2.3")));
}

TEST(Mac, ReadsAndPrints) {
  const auto mac = Mac::parse("02:FA:00:00:00:1f");
  ASSERT_TRUE(mac.ok());
  EXPECT_EQ(mac->str(), "02:fa:00:00:00:1f");
  for (const char* text :
       {"", "02:fa:00:00:00", "02:fa:00:00:00:1g", "02-fa-00-00-00-01", "02:fa:00:00:00:01:", "02:fa:00:00:0:001"})
    EXPECT_FALSE(Mac::parse(text).ok()) << text;
}

TEST(Quoted, IsSafeOnATerminal) {
  EXPECT_EQ(quoted("eth0"), "'eth0'");
  EXPECT_EQ(quoted("\x1b[31m\xff"), "'\\x1b[31m\\xff'");
  EXPECT_EQ(quoted(std::string_view("a\0b", 3)), "'a\\x00b'");
  EXPECT_EQ(quoted(std::string(1000, 'x')).size(), 64U + 5U);
}

TEST(SomeOf, NamesTenOfManyAndCountsTheRest) {
  EXPECT_EQ(some_of(std::vector<std::string>{}), "");
  EXPECT_EQ(some_of(std::vector<std::string>{"p1", "p2"}), "p1, p2");
  EXPECT_EQ(some_of(std::vector<std::string>(10, "p")), "p, p, p, p, p, p, p, p, p, p");
  EXPECT_EQ(some_of(std::vector<std::string>(1000, "p")), "p, p, p, p, p, p, p, p, p, p and 990 more");
}

} // namespace
} // namespace fan
