// Routes as only a kernel has them: many, of other people, in other tables, with encapsulations that libnl 3.7 cannot
// read.
#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "contract/kernel_test.h"

namespace fan::test {
namespace {

constexpr Address host_address{0xac1e001cU}; // 172.30.0.28
const Prefix underlay = Prefix::of(host_address, 16);

class Routes : public KernelTest {
protected:
  std::optional<std::string> overlapping(const Prefix& overlay = sample_overlay) {
    auto found = provider().overlapping_route(overlay);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::nullopt;
  }
};

TEST_F(Routes, WithEncapsulationsThatLibnlCannotReadAreSurvived) {
  ip({"route add 10.77.0.0/16 encap ip id 5 dst 172.30.0.1 dev eth0"});
  make_fan();
  make({sample_route()});
  EXPECT_TRUE(is_so(sample_route()));
  EXPECT_EQ(facts().default_device, "eth0");
  EXPECT_EQ(overlapping(), std::nullopt);
  EXPECT_EQ(overlapping(Prefix::of(Address(0x0a000000U), 8)), "10.77.0.0/16 dev eth0");
}

TEST_F(Routes, OfOursAreSeenWithoutBeingAskedFor) {
  make_fan();
  make({sample_route()});
  const auto seen = provider().observe({});
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->at("route 250.0.0.0/8").ours);
}

TEST_F(Routes, OfOthersWithAnotherMetricAreNotMistakenForOurs) {
  make_fan();
  ip({"route add 250.0.0.0/8 via 172.30.0.9 dev eth0 metric 7"});
  EXPECT_FALSE(find("route 250.0.0.0/8")->ours);
  make({sample_route()});
  EXPECT_TRUE(is_so(sample_route()));
  EXPECT_TRUE(find("route 250.0.0.0/8")->ours);
  ASSERT_TRUE(remove(sample_route()));
  EXPECT_FALSE(find("route 250.0.0.0/8")->ours); // the other one is still there
  EXPECT_EQ(error_of(remove(sample_route())).sys_errno, ESRCH);
  EXPECT_EQ(error_of(apply(sample_route(), sample_route())).sys_errno, ESRCH);
}

TEST_F(Routes, AreExactlyAsAPersonWouldMakeThem) {
  make_fan();
  make({sample_route()});
  EXPECT_THAT(must({"ip", "route", "show", "250.0.0.0/8"}),
              testing::HasSubstr("via 192.0.0.8 dev fanvx8472 proto 250 src 250.0.28.1 onlink mtu 1450"));
}

TEST_F(Routes, ThatOverlap) {
  EXPECT_EQ(overlapping(), std::nullopt);
  EXPECT_EQ(overlapping(Prefix::of(Address(0xac1e0000U), 12)), "172.30.0.0/16 dev eth0");
  ip({"route add blackhole 250.9.0.0/16"});
  EXPECT_EQ(overlapping(), "blackhole 250.9.0.0/16");
  ip({"route del blackhole 250.9.0.0/16", "route add 250.8.0.0/16 via 172.30.0.9 table 77"});
  EXPECT_EQ(overlapping(), "250.8.0.0/16 via 172.30.0.9 dev eth0 table 77");
  ip({"route del 250.8.0.0/16 table 77", "route add 248.0.0.0/5 via 172.30.0.9"});
  EXPECT_EQ(overlapping(), "248.0.0.0/5 via 172.30.0.9 dev eth0");
}

TEST_F(Routes, OfOurOwnFansDoNotOverlap) {
  make_fan();
  make({sample_route()});
  EXPECT_EQ(overlapping(), std::nullopt);
}

TEST_F(Routes, FiveThousandOfThem) {
  std::vector<std::string> lines;
  for (unsigned n = 0; n < 5000; ++n) {
    lines.push_back(fmt::format("route add 10.{}.{}.0/24 via 172.30.0.9", n / 250, n % 250));
  }
  ip(lines);
  make_fan();
  make({sample_route()});
  EXPECT_EQ(overlapping(), std::nullopt);
  EXPECT_EQ(facts().default_device, "eth0");
  EXPECT_TRUE(is_so(sample_route()));
  ip({"route add 250.200.0.0/16 via 172.30.0.9"});
  EXPECT_EQ(overlapping(), "250.200.0.0/16 via 172.30.0.9 dev eth0");
}

TEST_F(Routes, PathMtuIsTheDevicesWhereTheRouteSaysNothing) {
  ip({"link set eth0 mtu 1400"});
  EXPECT_EQ(*provider().path_mtu(underlay, host_address, "eth0"), 1400U);
}

TEST_F(Routes, PathMtuIsTheRoutesWhereThatIsSmaller) {
  ip({"route add 172.30.0.0/17 dev eth0 mtu 1300", "route add 172.30.128.0/17 dev eth0 mtu 1300"});
  EXPECT_EQ(*provider().path_mtu(underlay, host_address, "eth0"), 1300U);
  ip({"route replace 172.30.0.0/17 dev eth0 mtu 9000", "route replace 172.30.128.0/17 dev eth0 mtu 9000"});
  EXPECT_EQ(*provider().path_mtu(underlay, host_address, "eth0"), 1500U);
}

TEST_F(Routes, PathMtuOfADeviceThatIsNotThere) {
  EXPECT_EQ(error_of(provider().path_mtu(underlay, host_address, "nowhere")).sys_errno, ENODEV);
}

TEST_F(Routes, PathMtuWhereNoRouteLeads) {
  ip({"route del default"});
  EXPECT_EQ(*provider().path_mtu(Prefix::of(Address(0x0a000000U), 8), host_address, "eth0"), 1500U);
}

TEST_F(Routes, PreferredSourceIsTheKernels) {
  ip({"addr add 172.30.0.1/16 dev eth0", "addr add 172.30.0.2/16 dev eth0"});
  EXPECT_EQ(*provider().preferred_source(underlay, "eth0"), host_address);
  ip({"route replace 172.30.0.0/16 dev eth0 src 172.30.0.2"});
  EXPECT_EQ(*provider().preferred_source(underlay, "eth0"), Address(0xac1e0002U));
}

TEST_F(Routes, PreferredSourceWhereNoRouteLeads) {
  ip({"route del default"});
  EXPECT_EQ(*provider().preferred_source(Prefix::of(Address(0x0a000000U), 8), "eth0"), std::nullopt);
  ip({"link add eth1 type veth peer name far1", "link set eth1 up"});
  EXPECT_EQ(*provider().preferred_source(underlay, "eth1"), std::nullopt);
}

} // namespace
} // namespace fan::test
