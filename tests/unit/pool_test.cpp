// Pools: how they are written, what they may not be, and whether they fit into a slice.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/dhcp.h"
#include "core/dns_domain.h"
#include "core/explain.h"
#include "core/pool.h"
#include "core/record.h"
#include "core/validate.h"
#include "given.h"

namespace fan {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const Prefix slice = given::prefix("250.0.28.0/24");

TEST(Pool, IsWrittenAsNumbersOfTheSlice) {
  const auto pool = parse_pool("dhcp=2-99");
  ASSERT_TRUE(pool.ok());
  EXPECT_EQ(*pool, (Pool{"dhcp", 2, 99}));
  EXPECT_EQ(text_of(*pool), "dhcp=2-99");
  EXPECT_EQ(addresses_of(*pool, slice), "250.0.28.2-250.0.28.99");
  EXPECT_EQ(*parse_pool("vip=5"), (Pool{"vip", 5, 5}));
  EXPECT_EQ(addresses_of(*parse_pool("vip=5"), slice), "250.0.28.5");
  EXPECT_EQ(network_of(*parse_pool("docker=128-191"), slice), given::prefix("250.0.28.128/26"));
  EXPECT_EQ(network_of(*parse_pool("x=128-192"), slice), std::nullopt);
}

TEST(Pool, RefusesWithWhatToChange) {
  const struct {
    const char *text, *message, *hint;
  } table[] = {
      {"dhcp", "is not a pool", "NAME=FIRST-LAST"},
      {"=2-3", "is not the name of a pool", "small letters"},
      {"Docker=2-3", "is not the name of a pool", "small letters"},
      {"a-very-long-name=2-3", "is not the name of a pool", "at most 15"},
      {"a=", "is not a range", "dhcp=2-99"},
      {"a=2-", "is not a range", "dhcp=2-99"},
      {"a=02-3", "is not a range", "dhcp=2-99"},
      {"a=2-99999999999", "is not a range", "dhcp=2-99"},
      {"a=9-8", "the first number, 9, is above the last, 8", "swap"},
      {"a=0-8", "number 0 is the slice's own address", "2 or above"},
      {"a=1-8", "number 1 is the gateway", "2 or above"},
      {"docker=100-200", "docker: 100 to 200 is not one network", "the largest that fits is docker=128-191"},
      {"docker=128-192", "is not one network", "docker=128-191"},
      {"docker=2-3000", "is not one network", "docker=1024-2047"},
      {"docker=3-4", "is not one network", "docker=3-3"},
  };
  for (const auto& row : table) {
    const auto pool = parse_pool(row.text);
    ASSERT_FALSE(pool.ok()) << row.text;
    EXPECT_THAT(pool.error().message, HasSubstr(row.message)) << row.text;
    EXPECT_THAT(pool.error().hint, HasSubstr(row.hint)) << row.text;
    EXPECT_EQ(pool.error().kind, ErrorClass::usage);
  }
}

// The hint of every range that is refused is accepted, lies inside and could not be twice as large.
TEST(Pool, TheNearestBlockFits) {
  for (std::uint32_t first = 2; first < 70; ++first)
    for (std::uint32_t last = first; last < 140; ++last) {
      const auto pool = parse_pool("docker=" + std::to_string(first) + "-" + std::to_string(last));
      if (pool.ok()) {
        EXPECT_TRUE(network_of(*pool, slice).has_value());
        continue;
      }
      const std::string& hint = pool.error().hint;
      const auto near = parse_pool(hint.substr(hint.rfind("docker=")));
      ASSERT_TRUE(near.ok()) << hint;
      const std::uint32_t size = near->last - near->first + 1;
      EXPECT_TRUE(first <= near->first && near->last <= last) << hint;
      for (std::uint32_t n = 0; n <= last; n += 2 * size)
        EXPECT_FALSE(first <= n && n + 2 * size - 1 <= last) << first << "-" << last << ": " << hint;
    }
}

TEST(Pools, AreDisjointAndComeBackInOrder) {
  const FanSpec spec = given::spec("250 eth0 pool static=200-250 pool dhcp=2-99 dhcp pool docker=128-191");
  EXPECT_EQ(join_words(flags_of(spec)), "dhcp host-reserve 1 pool dhcp=2-99 pool docker=128-191 pool static=200-250");
  EXPECT_EQ(given::spec(join_words(words_of(spec))), spec);
  const struct {
    const char *words, *message;
  } table[] = {
      {"250 eth0 pool a=2-99 pool b=99-120", "a=2-99 and b=99-120 have addresses in common: 99 to 99"},
      {"250 eth0 pool a=2-99 pool a=120-130", "the pool 'a' is given twice"},
      {"250 eth0 pool a=2 pool b=3 pool c=4 pool d=5 pool e=6 pool f=7 pool g=8 pool h=9 pool i=10",
       "more than 8 pools"},
      {"250 eth0 lease-time 2h", "flag 'lease-time' is for the DHCP and DNS server"},
      {"250 eth0 domain fan.internal", "flag 'domain' is for the DHCP and DNS server"},
      {"250 eth0 dhcp lease-time 1", "is not a time that a lease can have"},
      {"250 eth0 dhcp domain Fan", "is not a domain"},
  };
  for (const auto& row : table) {
    const auto parsed = parse_words(split_words(row.words));
    ASSERT_FALSE(parsed.ok()) << row.words;
    EXPECT_THAT(parsed.error().message, HasSubstr(row.message)) << row.words;
  }
}

TEST(Pools, HaveToFitIntoTheSlice) {
  const struct {
    const char *words, *message, *hint;
  } table[] = {
      {"250 eth0/16 pool a=2-9 host-reserve 3", "number 2 is one of the 3 that the host itself holds", "from 4 to 254"},
      {"250 eth0/16 pool a=200-300", "not within the slice 250.0.28.0/24, which has 256 addresses", "from 2 to 254"},
      {"250 eth0/16 pool a=200-255", "number 255 is the broadcast address", "from 2 to 254"},
      {"250 eth0/16 dhcp pool a=2-9", "none of them is for the DHCP server", "dhcp=2-99"},
      {"250 eth0/16 reach pool a=2-9", "pool and reach exclude each other", "pool"},
      {"250 eth0/16 reach shortcut", "shortcut and reach exclude each other", "shortcut"},
  };
  for (const auto& row : table) {
    const auto valid = validate(given::fan(row.words), {}, given::host());
    ASSERT_FALSE(valid.ok()) << row.words;
    EXPECT_THAT(valid.error().message, HasSubstr(row.message)) << row.words;
    EXPECT_THAT(valid.error().hint, HasSubstr(row.hint)) << row.words;
  }
  const Fan good = given::fan("250 eth0/16 dhcp pool dhcp=2-99 pool docker=128-191 lease-time 90m domain fan.internal");
  EXPECT_TRUE(validate(good, {}, given::host()).ok());
  const auto read = parse_record(record_of(good));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, good);
}

TEST(Pools, TooManyOptionsForARecordAreRefused) {
  std::string words = "250.0.0.0/8 172.30.0.28/20 type vxlan accept ipip dhcp pool dhcp=2-9 lease-time infinite "
                      "bridge fifteen-bytes-b mtu 1400 vni 16777215 port 65535 ttl-security 255 strict no-isolate "
                      "host-access dhcp block-metadata snooping proxy-arp secure shortcut no-nat domain " +
                      std::string(60, 'd') + " origin /" + std::string(60, 'o');
  for (int n = 1; n < 8; ++n)
    words += fmt::format(" pool fifteen-bytes-{}={}-{}", n, 1000 + n * 20, 1009 + n * 20);
  EXPECT_TRUE(validate(given::fan(words), {}, given::host()).ok());
  for (int n = 100; n < 116; ++n)
    words += fmt::format(" expose 250.1.192.{}", n);
  const auto valid = validate(given::fan(words), {}, given::host());
  ASSERT_FALSE(valid.ok()) << record_of(given::fan(words)).size();
  EXPECT_THAT(valid.error().message, HasSubstr("and a record holds 1000"));
}

TEST(Pools, BoundTheDhcpServer) {
  const auto argv = dhcp_argv(given::fan("250 eth0/16 dhcp pool dhcp=10-99 lease-time 90m"), "/run/x");
  EXPECT_THAT(argv, Contains("--dhcp-range=set:fanctl,250.0.28.10,250.0.28.99,255.255.255.0,90m"));
  EXPECT_THAT(argv, Contains("--dhcp-lease-max=90"));
  EXPECT_THAT(argv, Not(Contains(HasSubstr("domain="))));
}

TEST(Domain, NamesTheWholeOverlay) {
  EXPECT_THAT(dhcp_argv(given::fan("250 eth0/16 dhcp domain fan.internal"), "/run/x"),
              testing::IsSupersetOf(
                  {"--domain=fan.internal", "--local=/fan.internal/", "--synth-domain=fan.internal,250.0.0.0/8,ip-"}));
}

TEST(Pools, AreExplained) {
  const std::vector<KnownMapping> known = known_from(std::vector<Fan>{given::fan("250 eth0/16 pool docker=128-191")});
  EXPECT_EQ(explain(given::address("250.0.27.130"), known).front().pool, "docker");
  EXPECT_EQ(explain(given::address("250.0.27.127"), known).front().pool, "");
}

TEST(Lease, IsATime) {
  const struct {
    const char* text;
    std::uint32_t seconds;
    const char* back;
  } table[] = {{"3600", 3600, "1h"}, {"90m", 5400, "90m"}, {"12h", 43200, "12h"},
               {"7d", 604800, "7d"}, {"150s", 150, "150"}, {"infinite", 0xffffffffU, "infinite"}};
  for (const auto& row : table) {
    const auto parsed = parse_words(split_words(std::string("250 eth0 dhcp lease-time ") + row.text));
    ASSERT_TRUE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed->lease, row.seconds);
    EXPECT_THAT(join_words(flags_of(*parsed)), HasSubstr(std::string("lease-time ") + row.back));
  }
  for (const char* text : {"", "1h30m", "h", "-1h", "119", "1m", "366d", "1w", "Infinite", "4294967295"})
    EXPECT_FALSE(parse_lease(text).ok()) << text;
}

TEST(Domain, IsAName) {
  for (const char* text : {"fan", "fan.internal", "a-b.c1.d", "1.fan"})
    EXPECT_TRUE(given::spec(std::string("250 eth0 dhcp domain ") + text).domain == text) << text;
  for (const char* text : {".", "fan.", ".fan", "a..b", "-a", "a-", "a_b", "10.1", "fan,x", "fan/x", "#"})
    EXPECT_FALSE(parse_words(split_words(std::string("250 eth0 dhcp domain ") + text)).ok()) << text;
}

} // namespace
} // namespace fan
