// The fan's arithmetic against a second, naive implementation that works on strings of '0' and '1'.
#include "core/mapping.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

std::string bits_of(Address a) {
  std::string bits;
  for (std::uint32_t bit = 0x80000000U; bit != 0; bit >>= 1U)
    bits += (a.v4() & bit) != 0 ? '1' : '0';
  return bits;
}

// The slice's network: the overlay's first o bits, then the host's part of the underlay address, then zeros.
std::string naive_slice(const Prefix& overlay, const Prefix& underlay, Address host) {
  std::string bits = bits_of(overlay.network()).substr(0, overlay.length()) + bits_of(host).substr(underlay.length());
  bits.resize(32, '0');
  return bits;
}

// The underlay's first u bits, then as many bits of the overlay address as are needed, after its first o.
std::string naive_host(const Prefix& overlay, const Prefix& underlay, Address inner) {
  return bits_of(underlay.network()).substr(0, underlay.length()) +
         bits_of(inner).substr(overlay.length(), 32 - underlay.length());
}

template <class Check>
void for_all_prefix_pairs(Check check) {
  for (unsigned o = 1; o < 32; ++o)
    for (unsigned u = o + 1; u <= 32; ++u)
      if (o + 32 - u <= 30)
        check(o, u);
}

// Hosts worth trying in any underlay: the ends, their neighbours, and some in between.
std::vector<Address> sampled_hosts(const Prefix& underlay, std::mt19937& random) {
  const std::uint32_t host_mask = ~Prefix::mask_bits(underlay.length());
  std::vector<Address> hosts;
  for (const std::uint32_t n : {0U, 1U, 2U, host_mask - 1, host_mask})
    hosts.push_back(underlay.at(n & host_mask));
  for (int i = 0; i < 20; ++i)
    hosts.push_back(underlay.at(static_cast<std::uint32_t>(random()) & host_mask));
  return hosts;
}

TEST(MappingArithmetic, AgreesWithBinaryStringsForAllPrefixPairs) {
  std::mt19937 random(20150622);
  int pairs = 0;
  for_all_prefix_pairs([&](unsigned o, unsigned u) {
    ++pairs;
    const Prefix overlay = Prefix::of(Address(static_cast<std::uint32_t>(random())), o);
    const Prefix underlay = Prefix::of(Address(static_cast<std::uint32_t>(random())), u);
    for (const Address host : sampled_hosts(underlay, random)) {
      const Prefix slice = slice_of(overlay, underlay, host);
      ASSERT_EQ(slice.length(), o + 32 - u);
      ASSERT_EQ(bits_of(slice.network()), naive_slice(overlay, underlay, host))
          << overlay.str() << " " << underlay.str();
      const Address inner = slice.at(static_cast<std::uint32_t>(random()) & ~Prefix::mask_bits(slice.length()));
      ASSERT_EQ(bits_of(host_of(overlay, underlay, inner)), naive_host(overlay, underlay, inner));
      ASSERT_EQ(host_of(overlay, underlay, inner), host) << "the way back";
    }
  });
  EXPECT_EQ(pairs, 465); // sum of 1..30: for each o, u runs from o + 2 to 32
}

TEST(MappingArithmetic, NoTwoHostsShareAnAddress) {
  const Mapping m = given::mapping("250.0.0.0/8", "172.30.240.0/20");
  Address next_free = m.overlay().network();
  for (std::uint32_t n = 0; n < 4096; ++n) {
    const Prefix slice = m.slice_of(m.underlay().at(n));
    ASSERT_EQ(slice.network(), next_free);
    next_free = Address(slice.broadcast().v4() + 1);
  }
  EXPECT_EQ(next_free.str(), "251.0.0.0") << "and none is left over";
}

TEST(Mapping, TheTable) {
  const struct {
    const char *overlay, *underlay, *host, *slice;
  } table[] = {
      {"250.0.0.0/8", "172.16.0.0/16", "172.16.3.4", "250.3.4.0/24"},
      {"250.0.0.0/8", "172.30.0.0/16", "172.30.0.28", "250.0.28.0/24"},
      {"99.0.0.0/8", "10.99.224.0/20", "10.99.238.5", "99.224.80.0/20"},
      {"33.0.0.0/8", "10.96.0.0/12", "10.111.1.2", "33.240.16.32/28"},
      {"240.0.0.0/5", "10.88.240.0/20", "10.88.244.215", "242.107.128.0/17"},
      {"100.64.0.0/10", "10.224.220.0/24", "10.224.220.10", "100.66.128.0/18"},
      {"240.0.0.0/4", "10.0.0.0/8", "10.1.2.3", "240.16.32.48/28"},
      {"250.0.0.0/8", "10.0.0.0/10", "10.1.2.3", "250.4.8.12/30"},
  };
  for (const auto& row : table) {
    const Mapping m = given::mapping(row.overlay, row.underlay);
    const Prefix slice = m.slice_of(given::address(row.host));
    EXPECT_EQ(slice.str(), row.slice);
    EXPECT_EQ(slice.length(), m.slice_length());
    EXPECT_EQ(m.host_of(slice.network()).str(), row.host);
    EXPECT_EQ(m.host_of(slice.broadcast()).str(), row.host);
  }
}

TEST(Mapping, EveryPairIsMadeOrRefusedForANamedReason) {
  int made = 0;
  for (unsigned o = 1; o <= 32; ++o)
    for (unsigned u = 1; u <= 32; ++u) {
      const Prefix overlay = Prefix::of(given::address("200.0.0.0"), o);
      const Prefix underlay = Prefix::of(given::address("10.9.8.7"), u);
      const auto m = Mapping::make(overlay, underlay);
      const bool reserved = o < 3; // 128/1 and 192/2 hold 224/4
      const bool expected = !reserved && o < u && o + 32 - u <= 30;
      ASSERT_EQ(m.ok(), expected) << overlay.str() << " " << underlay.str();
      made += m.ok() ? 1 : 0;
    }
  EXPECT_EQ(made, 465 - 30 - 29);
}

TEST(Mapping, RefusesWithWhatToChange) {
  const struct {
    const char *overlay, *underlay, *message, *hint;
  } table[] = {
      {"250.0.0.0/16", "172.30.0.0/16", "not larger", "/14"},
      {"250.0.0.0/24", "172.30.0.0/16", "not larger", "/14"},
      {"250.0.0.0/15", "172.30.0.0/16", "slice of /31", "/14"},
      {"10.0.0.0/8", "10.1.0.0/16", "overlap", "outside"},
      {"10.1.0.0/16", "10.0.0.0/8", "overlap", "outside"},
      {"0.0.0.0/8", "172.30.0.0/16", "0.0.0.0/8", "another overlay"},
      {"127.0.0.0/12", "172.30.0.0/16", "loopback", "another overlay"},
      {"169.0.0.0/8", "172.30.0.0/16", "link local", "another overlay"},
      {"169.254.0.0/17", "172.30.0.0/24", "link local", "another overlay"},
      {"224.0.0.0/8", "172.30.0.0/16", "multicast", "another overlay"},
      {"128.0.0.0/1", "10.0.0.0/8", "overlaps", "another overlay"},
  };
  for (const auto& row : table) {
    const auto m = Mapping::make(given::prefix(row.overlay), given::prefix(row.underlay));
    ASSERT_FALSE(m.ok()) << row.overlay;
    EXPECT_EQ(m.error().kind, ErrorClass::usage);
    EXPECT_THAT(m.error().message, HasSubstr(row.message));
    EXPECT_THAT(m.error().hint, HasSubstr(row.hint));
  }
}

TEST(Mapping, HostPartsOfZerosOrOnesNameNoHost) {
  const Mapping m = given::mapping("250.0.0.0/8", "172.30.16.0/20");
  EXPECT_FALSE(m.usable_host(given::address("172.30.16.0")));
  EXPECT_FALSE(m.usable_host(given::address("172.30.31.255")));
  EXPECT_FALSE(m.usable_host(given::address("172.30.32.1"))) << "outside the underlay";
  EXPECT_TRUE(m.usable_host(given::address("172.30.16.1")));
  EXPECT_TRUE(m.usable_host(given::address("172.30.31.254")));
  EXPECT_TRUE(m.usable_host(given::address("172.30.16.255"))) << "the end of some smaller subnet only";
}

} // namespace
} // namespace fan
