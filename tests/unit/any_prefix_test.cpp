// Networks of either family, and how nft and people write them.
#include <gtest/gtest.h>

#include "core/any_prefix.h"

namespace fan {
namespace {

AnyPrefix of(const char* text) {
  const auto prefix = AnyPrefix::parse(text);
  EXPECT_TRUE(prefix) << text;
  return prefix ? *prefix : AnyPrefix(Prefix());
}

TEST(AnyPrefix, IsWrittenForPeopleForSetsAndAsNumbers) {
  struct Written {
    const char* text;
    const char* str;
    const char* element;
    const char* numbers;
  };
  for (const Written& one : {
           Written{"2001:DB8::/32", "2001:db8::/32", "2001:db8::/32",
                   "0x20010db8000000000000000000000000-0x20010db8ffffffffffffffffffffffff"},
           Written{"2001:db8:0:0:1::/80", "2001:db8:0:0:1::/80", "2001:db8:0:0:1::/80",
                   "0x20010db8000000000001000000000000-0x20010db8000000000001ffffffffffff"},
           Written{"64:ff9b::/96", "64:ff9b::/96", "64:ff9b::/96",
                   "0x64ff9b000000000000000000000000-0x64ff9b0000000000000000ffffffff"},
           Written{"::/0", "::/0", "::/0", "0x0-0xffffffffffffffffffffffffffffffff"},
           Written{"fd00::1", "fd00::1/128", "fd00::1", "0xfd000000000000000000000000000001"},
           Written{"fd00::1/128", "fd00::1/128", "fd00::1", "0xfd000000000000000000000000000001"},
           Written{"fd00::fffe/127", "fd00::fffe/127", "fd00::fffe/127",
                   "0xfd00000000000000000000000000fffe-0xfd00000000000000000000000000ffff"},
       }) {
    EXPECT_EQ(of(one.text).str(), one.str);
    EXPECT_EQ(of(one.text).element(), one.element);
    EXPECT_EQ(of(one.text).numbers(), one.numbers);
    EXPECT_FALSE(of(one.text).is_v4());
    EXPECT_EQ(of(of(one.text).element().c_str()), of(one.text));
  }
  EXPECT_EQ(of("10.1.0.0/16").str(), "10.1.0.0/16");
  EXPECT_EQ(of("10.1.0.0/16").element(), "10.1.0.0/16");
  EXPECT_EQ(of("10.1.2.3").str(), "10.1.2.3/32");
  EXPECT_EQ(of("10.1.2.3/32").element(), "10.1.2.3");
  EXPECT_EQ(of("0.0.0.0/0").str(), "0.0.0.0/0");
  EXPECT_TRUE(of("0.0.0.0/0").is_v4());
}

TEST(AnyPrefix, OverlapsWithinItsFamily) {
  EXPECT_TRUE(of("2001:db8::/32").overlaps(of("2001:db8:1::/48")));
  EXPECT_TRUE(of("2001:db8:1::/48").overlaps(of("2001:db8::/32")));
  EXPECT_TRUE(of("::/0").overlaps(of("fd00::1")));
  EXPECT_FALSE(of("2001:db8:1::/48").overlaps(of("2001:db8:2::/48")));
  EXPECT_FALSE(of("::/0").overlaps(of("10.0.0.0/8")));
  EXPECT_FALSE(of("0.0.0.0/0").overlaps(of("::/0")));
  EXPECT_TRUE(of("10.0.0.0/8").overlaps(of("10.1.0.0/16")));
}

TEST(AnyPrefix, RefusesWhatIsNoNetwork) {
  for (const char* text : {"", "x", "2001:db8::1/64", "2001:db8::/129", "2001:db8::/", "2001:db8::/-1",
                           "2001:db8::/64 ", "fe80::1%eth0", "2001:db8", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1",
                           ":::", "1:2:3:4:5:6:7:8:9", "10.0.0.1/8", "10.0.0.0/33", "2001:db8::/064x"}) {
    EXPECT_FALSE(AnyPrefix::parse(text)) << text;
  }
  EXPECT_EQ(AnyPrefix::parse("2001:db8::1/64").error().hint, "perhaps 2001:db8::/64 was meant");
}

} // namespace
} // namespace fan
