// The contract of every kind of object but sysctl (sysctl_test.cpp): what both the kernel and the memory of the tests
// do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/samples.h"
#include "contract/world.h"

namespace fan::test {
namespace {

class EveryKind : public testing::TestWithParam<std::tuple<WorldKind, Sample>> {
protected:
  void SetUp() override {
    for (const Object& object : sample().before) {
      make(object);
    }
    for (const std::string& port : sample().ports) {
      world_->add_port(sample_bridge_name, port);
    }
  }

  // A server would keep the test's network namespace alive.
  void TearDown() override {
    for (const auto& [key, observed] : seen()) {
      if (std::holds_alternative<DhcpServer>(observed.object)) {
        EXPECT_TRUE(apply(observed.object, std::nullopt)) << key;
      }
    }
  }

  const Sample& sample() { return std::get<1>(GetParam()); }
  Provider& provider() { return world_->provider(); }
  World& world() { return *world_; }

  Result<void> apply(std::optional<Object> before, std::optional<Object> after) {
    const Change change{std::move(before), std::move(after), "test"};
    return provider().apply({&change, 1});
  }
  void make(const Object& object) {
    const auto made = apply(std::nullopt, object);
    ASSERT_TRUE(made) << key_of(object) << ": " << made.error().message;
  }

  ObservedSet seen() {
    auto observed =
        provider().observe({{sample_bridge_name, sample_tunnel_name}, {}, {sample_bridge_name}, {sample_overlay}});
    EXPECT_TRUE(observed) << observed.error().message;
    return observed ? *observed : ObservedSet();
  }
  std::optional<Observed> found() {
    const ObservedSet all = seen();
    const auto at = all.find(key_of(sample().object));
    return at == all.end() ? std::nullopt : std::optional(at->second);
  }
  void expect_found(const Object& object) {
    const auto now = found();
    ASSERT_TRUE(now) << key_of(object);
    EXPECT_TRUE(now->object == object) << key_of(object);
  }

private:
  std::unique_ptr<World> world_ = std::get<0>(GetParam()).make();
};

bool bears_sign_here(const Object& object) {
  return std::holds_alternative<Bridge>(object) || std::holds_alternative<Tunnel>(object) ||
         std::holds_alternative<Route>(object) || std::holds_alternative<Ruleset>(object) ||
         std::holds_alternative<Classifier>(object) ||
         (std::holds_alternative<Neighbour>(object) && is_port_object(object));
}

TEST_P(EveryKind, IsNotThereAtFirst) {
  EXPECT_FALSE(found());
}

TEST_P(EveryKind, IsSeenAsItWasMade) {
  make(sample().object);
  expect_found(sample().object);
}

TEST_P(EveryKind, IsOursWhereItsKindBearsASign) {
  make(sample().object);
  const auto now = found();
  ASSERT_TRUE(now);
  if (bears_sign_here(sample().object)) {
    EXPECT_TRUE(now->ours);
  }
}

TEST_P(EveryKind, CannotBeMadeTwice) {
  make(sample().object);
  const auto again = apply(std::nullopt, sample().object);
  EXPECT_FALSE(again);
  expect_found(sample().object);
}

TEST_P(EveryKind, IsGoneOnceRemovedAndNothingElseIs) {
  const ObservedSet before = seen();
  make(sample().object);
  const auto removed = apply(sample().object, std::nullopt);
  EXPECT_TRUE(removed) << removed.error().message;
  const ObservedSet after = seen();
  EXPECT_EQ(after.size(), before.size());
  for (const auto& [key, observed] : before) {
    ASSERT_EQ(after.count(key), 1U) << key;
    EXPECT_TRUE(after.at(key).object == observed.object) << key;
  }
}

TEST_P(EveryKind, CannotBeRemovedWhenItIsGone) {
  EXPECT_FALSE(apply(sample().object, std::nullopt));
  make(sample().object);
  EXPECT_TRUE(apply(sample().object, std::nullopt));
  EXPECT_FALSE(apply(sample().object, std::nullopt));
}

TEST_P(EveryKind, ChangesInPlaceAndBack) {
  make(sample().object);
  for (const Object& other : sample().others) {
    const auto changed = apply(sample().object, other);
    ASSERT_TRUE(changed) << changed.error().message;
    expect_found(other);
    const auto back = apply(other, sample().object);
    ASSERT_TRUE(back) << back.error().message;
    expect_found(sample().object);
  }
}

TEST_P(EveryKind, CannotBeMadeOnADeviceThatIsNotThere) {
  Object object = sample().object;
  if (auto* up = std::get_if<LinkUp>(&object)) {
    up->device = "fan-nowhere";
  } else if (auto* address = std::get_if<InterfaceAddress>(&object)) {
    address->device = "fan-nowhere";
  } else if (auto* querier = std::get_if<Querier>(&object)) {
    querier->bridge = "fan-nowhere";
  } else if (auto* neighbour = std::get_if<Neighbour>(&object)) {
    neighbour->device = "fan-nowhere";
  } else if (auto* route = std::get_if<Route>(&object)) {
    route->device = "fan-nowhere";
  } else if (auto* entry = std::get_if<FdbEntry>(&object)) {
    (entry->port.empty() ? entry->bridge : entry->port) = "fan-nowhere";
  } else if (auto* flag = std::get_if<PortFlag>(&object)) {
    flag->port = "fan-nowhere";
  } else {
    return; // a device itself
  }
  const auto made = apply(std::nullopt, object);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().sys_errno, ENODEV);
}

INSTANTIATE_TEST_SUITE_P(
    Contract, EveryKind,
    testing::Combine(testing::Values(WorldKind{"kernel", make_kernel_world}, WorldKind{"memory", make_memory_world}),
                     testing::ValuesIn(samples())),
    [](const auto& info) { return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param).name; });

// What others made.
class Foreign : public testing::TestWithParam<WorldKind> {
protected:
  World& world() { return *world_; }
  std::optional<Observed> find(const std::string& key) {
    auto seen = world().provider().observe({{sample_bridge_name}, {}, {}, {sample_overlay}});
    EXPECT_TRUE(seen);
    const auto at = seen->find(key);
    return at == seen->end() ? std::nullopt : std::optional(at->second);
  }
  Result<void> make(const Object& object) {
    const Change change{std::nullopt, object, "test"};
    return world().provider().apply({&change, 1});
  }

private:
  std::unique_ptr<World> world_ = GetParam().make();
};

TEST_P(Foreign, BridgeUnderOurNameIsSeenAsNotOurs) {
  world().add_foreign_bridge(sample_bridge_name);
  const auto found = find(key_of(sample_bridge()));
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->ours);
}

TEST_P(Foreign, BridgeUnderOurNameKeepsOursFromBeingMade) {
  world().add_foreign_bridge(sample_bridge_name);
  const auto made = make(sample_bridge());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().sys_errno, EEXIST);
}

TEST_P(Foreign, RouteToTheOverlayIsSeenAsNotOurs) {
  world().add_foreign_route(sample_overlay);
  const auto found = find("route 250.0.0.0/8");
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->ours);
}

TEST_P(Foreign, RouteIntoTheOverlayIsNamed) {
  EXPECT_EQ(*world().provider().overlapping_route(sample_overlay), std::nullopt);
  world().add_foreign_route(Prefix::of(Address(0xfa010000U), 16));
  EXPECT_EQ(*world().provider().overlapping_route(sample_overlay), "250.1.0.0/16 via 172.30.0.99 dev eth0");
}

INSTANTIATE_TEST_SUITE_P(Contract, Foreign,
                         testing::Values(WorldKind{"kernel", make_kernel_world},
                                         WorldKind{"memory", make_memory_world}),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace fan::test
