// The contract of the kind sysctl, in both worlds.
#include <gtest/gtest.h>

#include "contract/samples.h"
#include "contract/world.h"

namespace fan::test {
namespace {

class SysctlContract : public testing::TestWithParam<WorldKind> {
protected:
  const std::string key = "net/ipv4/conf/eth0/forwarding";
  Provider& provider() { return world_->provider(); }
  Result<void> apply(std::optional<Object> before, std::optional<Object> after) {
    const Change change{std::move(before), std::move(after), "test"};
    return provider().apply({&change, 1});
  }
  std::optional<Observed> found(const std::string& wanted) {
    const auto seen = provider().observe({{}, {wanted}, {}, {}});
    EXPECT_TRUE(seen);
    const auto at = seen->find("sysctl " + wanted);
    return at == seen->end() ? std::nullopt : std::optional(at->second);
  }
  std::string value() {
    const auto now = found(key);
    return now ? std::get<Sysctl>(now->object).value : "absent";
  }

private:
  std::unique_ptr<World> world_ = GetParam().make();
};

TEST_P(SysctlContract, IsReadAndChanged) {
  EXPECT_EQ(value(), "0");
  EXPECT_TRUE(apply(Sysctl{key, "0"}, Sysctl{key, "1"}));
  EXPECT_EQ(value(), "1");
  EXPECT_TRUE(provider().facts()->link("eth0")->forwarding);
  EXPECT_TRUE(apply(Sysctl{key, "1"}, Sysctl{key, "0"}));
  EXPECT_EQ(value(), "0");
  EXPECT_FALSE(provider().facts()->link("eth0")->forwarding);
}

TEST_P(SysctlContract, IsNeverOurs) {
  EXPECT_FALSE(found(key)->ours);
}

TEST_P(SysctlContract, IsSeenOnlyWhenAskedFor) {
  const auto seen = provider().observe({});
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->count("sysctl " + key), 0U);
}

TEST_P(SysctlContract, IsAbsentWhenItsDeviceIs) {
  EXPECT_FALSE(found("net/ipv4/conf/fan-nowhere/forwarding"));
}

TEST_P(SysctlContract, RemovalLeavesTheValue) {
  EXPECT_TRUE(apply(Sysctl{key, "0"}, Sysctl{key, "1"}));
  EXPECT_TRUE(apply(Sysctl{key, "1"}, std::nullopt));
  EXPECT_EQ(value(), "1");
}

TEST_P(SysctlContract, GoesWithItsDevice) {
  const std::string of_bridge = "net/ipv4/conf/fan-250-0-28/forwarding";
  ASSERT_TRUE(apply(std::nullopt, sample_bridge()));
  ASSERT_TRUE(apply(std::nullopt, Sysctl{of_bridge, "1"}));
  EXPECT_TRUE(found(of_bridge));
  ASSERT_TRUE(apply(sample_bridge(), std::nullopt));
  EXPECT_FALSE(found(of_bridge));
}

INSTANTIATE_TEST_SUITE_P(Contract, SysctlContract,
                         testing::Values(WorldKind{"kernel", make_kernel_world},
                                         WorldKind{"memory", make_memory_world}),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace fan::test
