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

// What the suites below are about, each a part of all samples.
class OnADevice : public EveryKind {};
class Changeable : public EveryKind {};
class Signed : public EveryKind {};

// The object, on a device that there is not. None: it lives on no device.
std::optional<Object> on_no_device(Object object) {
  const std::string nowhere = "fan-nowhere";
  if (auto* up = std::get_if<LinkUp>(&object)) {
    up->device = nowhere;
  } else if (auto* address = std::get_if<InterfaceAddress>(&object)) {
    address->device = nowhere;
  } else if (auto* querier = std::get_if<Querier>(&object)) {
    querier->bridge = nowhere;
  } else if (auto* neighbour = std::get_if<Neighbour>(&object)) {
    neighbour->device = nowhere;
  } else if (auto* route = std::get_if<Route>(&object)) {
    route->device = nowhere;
  } else if (auto* entry = std::get_if<FdbEntry>(&object)) {
    (entry->port.empty() ? entry->bridge : entry->port) = nowhere;
  } else if (auto* flag = std::get_if<PortFlag>(&object)) {
    flag->port = nowhere;
  } else if (auto* classifier = std::get_if<Classifier>(&object)) {
    classifier->device = nowhere;
  } else if (auto* shortcut = std::get_if<ShortcutRow>(&object)) {
    shortcut->bridge = nowhere;
  } else if (auto* server = std::get_if<DhcpServer>(&object)) {
    for (std::string& word : server->argv) {
      word = word == "--interface=" + server->bridge ? "--interface=" + nowhere : word;
    }
    server->bridge = nowhere;
  } else {
    return std::nullopt;
  }
  return object;
}

// A program and a row are refused before the kernel is asked, and a server by dnsmasq; all else by the kernel.
bool says_that_it_is_not_there(const Error& error) {
  const std::string& message = error.message;
  return error.sys_errno == ENODEV || message.find("the device is not there") != std::string::npos ||
         message.find("the bridge is not there") != std::string::npos ||
         message.find("unknown interface") != std::string::npos;
}

TEST_P(OnADevice, CannotBeMadeWhereTheDeviceIsNot) {
  const ObservedSet before = seen();
  const auto made = apply(std::nullopt, on_no_device(sample().object));
  ASSERT_FALSE(made);
  EXPECT_TRUE(says_that_it_is_not_there(made.error())) << made.error().sys_errno << ": " << made.error().message;
  EXPECT_EQ(seen().size(), before.size());
}

TEST_P(Changeable, ChangesInPlaceAndBack) {
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

TEST_P(Signed, IsOurs) {
  make(sample().object);
  const auto now = found();
  ASSERT_TRUE(now);
  EXPECT_TRUE(now->ours);
}

std::vector<Sample> samples_that(bool (*are_so)(const Sample&)) {
  std::vector<Sample> chosen = samples();
  std::erase_if(chosen, [&](const Sample& sample) { return !are_so(sample); });
  return chosen;
}

const WorldKind kernel{"kernel", make_kernel_world};
const WorldKind memory{"memory", make_memory_world};

std::string name_of_instance(const testing::TestParamInfo<EveryKind::ParamType>& info) {
  return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param).name;
}

INSTANTIATE_TEST_SUITE_P(Contract, EveryKind,
                         testing::Combine(testing::Values(kernel, memory), testing::ValuesIn(samples())),
                         name_of_instance);

// The memory does not know that these two name a bridge.
bool is_bound_in_kernel_only(const Object& object) {
  return std::holds_alternative<ShortcutRow>(object) || std::holds_alternative<DhcpServer>(object);
}

INSTANTIATE_TEST_SUITE_P(Contract, OnADevice,
                         testing::Combine(testing::Values(kernel, memory),
                                          testing::ValuesIn(samples_that([](const Sample& sample) {
                                            return on_no_device(sample.object) &&
                                                   !is_bound_in_kernel_only(sample.object);
                                          }))),
                         name_of_instance);
INSTANTIATE_TEST_SUITE_P(ContractOfTheKernel, OnADevice,
                         testing::Combine(testing::Values(kernel),
                                          testing::ValuesIn(samples_that([](const Sample& sample) {
                                            return is_bound_in_kernel_only(sample.object);
                                          }))),
                         name_of_instance);
INSTANTIATE_TEST_SUITE_P(Contract, Changeable,
                         testing::Combine(testing::Values(kernel, memory),
                                          testing::ValuesIn(samples_that([](const Sample& sample) {
                                            return !sample.others.empty();
                                          }))),
                         name_of_instance);
INSTANTIATE_TEST_SUITE_P(Contract, Signed,
                         testing::Combine(testing::Values(kernel, memory),
                                          testing::ValuesIn(samples_that([](const Sample& sample) {
                                            return bears_sign_here(sample.object);
                                          }))),
                         name_of_instance);

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
