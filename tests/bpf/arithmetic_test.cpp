// bpf/fan_map.h against core/mapping.h: as C++ compiles it for all prefix pairs, and as the kernel runs it for each
// pair.
#include <gtest/gtest.h>

#include <vector>

#include "bench.h"
#include "bpf_abi/fan_map.h"
#include "core/mapping.h"

namespace fan::test {
namespace {

// Every pair with 1 <= o < u and a slice of /30 at most. The networks' bits are chosen so that no two pairs overlap
// wrongly.
std::vector<Mapping> all_mappings() {
  std::vector<Mapping> mappings;
  for (unsigned o = 1; o < 32; ++o) {
    for (unsigned u = o + 1; u <= 32; ++u) {
      // /1..: the upper half has 224/4 in it, so short overlays lie where they contain nothing forbidden, if there is
      // such a place.
      for (const std::uint32_t overlay : {0xfa5a5a5aU, 0x63a5a5a5U, 0x40000000U}) {
        const Result<Mapping> mapping =
            Mapping::make(Prefix::of(Address(overlay), o), Prefix::of(Address(0xac1e96c3U), u));
        if (mapping) {
          mappings.push_back(*mapping);
          break;
        }
      }
    }
  }
  return mappings;
}

std::vector<Address> hosts_of(const Mapping& mapping) {
  const std::uint32_t network = mapping.underlay().network().v4();
  const std::uint32_t bits = ~Prefix::mask_bits(mapping.underlay().length());
  std::vector<Address> hosts;
  for (const std::uint32_t sample : {0U, 1U, 2U, 0x1cU, 0xffffffffU, 0xfffffffeU, 0x5a5a5a5aU, 0xa5a5a5a5U}) {
    hosts.emplace_back(network | (sample & bits));
  }
  return hosts;
}

test_sum sum_of(const Mapping& mapping, Address host, std::uint32_t inside) {
  const Prefix slice = mapping.slice_of(host);
  const std::uint32_t bits = ~Prefix::mask_bits(slice.length());
  return {mapping.overlay().network().v4(),
          mapping.overlay().length(),
          mapping.underlay().network().v4(),
          mapping.underlay().length(),
          host.v4(),
          slice.network().v4() | (inside & bits),
          0,
          0,
          0};
}

TEST(Arithmetic, CompiledForTheHostAgreesWithTheCoreForEveryPrefixPair) {
  const std::vector<Mapping> mappings = all_mappings();
  // Pairs with s <= 30 are 466; of those 28 have no place for their overlay (lengths 1..3 contain forbidden networks).
  ASSERT_GT(mappings.size(), 400U);
  for (const Mapping& m : mappings) {
    const std::uint32_t o = m.overlay().length();
    const std::uint32_t u = m.underlay().length();
    EXPECT_EQ(fan_slice_length(o, u), m.slice_length());
    for (const Address host : hosts_of(m)) {
      const Prefix slice = m.slice_of(host);
      EXPECT_EQ(fan_slice_of(m.overlay().network().v4(), o, u, host.v4()), slice.network().v4()) << o << " " << u;
      EXPECT_EQ(fan_names_one(host.v4(), u) != 0, m.usable_host(host)) << host.str() << "/" << u;
      for (const std::uint32_t inside : {0U, 1U, 0x77777777U, 0xffffffffU}) {
        const Address endpoint(slice.network().v4() | (inside & ~Prefix::mask_bits(slice.length())));
        EXPECT_EQ(fan_host_of(o, m.underlay().network().v4(), u, endpoint.v4()), host.v4()) << endpoint.str();
        EXPECT_EQ(fan_host_of(o, m.underlay().network().v4(), u, endpoint.v4()), m.host_of(endpoint).v4());
      }
    }
  }
}

TEST(Arithmetic, InTheKernelAgreesWithTheCoreForEveryPrefixPair) {
  std::vector<test_sum> in;
  std::vector<std::pair<Mapping, Address>> meant;
  for (const Mapping& m : all_mappings()) {
    const std::vector<Address> hosts = hosts_of(m);
    for (std::size_t n = 0; n < hosts.size(); ++n) {
      in.push_back(sum_of(m, hosts.at(n), static_cast<std::uint32_t>(0x9e3779b9U * (n + 1))));
      meant.emplace_back(m, hosts.at(n));
    }
  }
  ASSERT_GT(in.size(), 3000U);
  Bench bench(true);
  const std::vector<test_sum> out = bench.sums(in);
  for (std::size_t n = 0; n < out.size(); ++n) {
    const auto& [mapping, host] = meant.at(n);
    EXPECT_EQ(out.at(n).slice_length, mapping.slice_length());
    EXPECT_EQ(out.at(n).slice, mapping.slice_of(host).network().v4());
    EXPECT_EQ(out.at(n).owner, host.v4());
    EXPECT_EQ(out.at(n).owner, mapping.host_of(Address(out.at(n).address)).v4());
  }
}

TEST(Arithmetic, KnowsWhatIsNoMachinesAddress) {
  for (const char* text :
       {"0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "239.255.255.255", "255.255.255.255"}) {
    EXPECT_FALSE(fan_unicast(Address::parse(text)->v4())) << text;
  }
  for (const char* text : {"1.0.0.0", "10.0.0.1", "126.255.255.255", "128.0.0.1", "169.253.1.1", "169.255.0.1",
                           "223.255.255.255", "240.0.0.1", "250.0.28.1", "255.255.255.254"}) {
    EXPECT_TRUE(fan_unicast(Address::parse(text)->v4())) << text;
  }
}

} // namespace
} // namespace fan::test
