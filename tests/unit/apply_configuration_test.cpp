// A configuration of many fans: what is asked of the host does not grow with them, whoever of them fails, and what each
// is told to have done is what it would have done alone.
#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/firewall_sets.h"
#include "core/words.h"
#include "engine/apply_configuration.h"
#include "engine/forwarding_provider.h"
#include "engine/sequence.h"
#include "support/memory_provider.h"

namespace fan {
namespace {

using test::MemoryProvider;

constexpr const char* file = "/etc/fanctl/a.yaml";

MemoryProvider host_of_many() {
  return MemoryProvider::host(*Address::parse("172.30.0.28"), 16);
}

WantedFan wanted_fan(const std::vector<std::string>& words) {
  auto spec = parse_words(words);
  EXPECT_TRUE(spec) << spec.error().message;
  WantedFan fan{*spec, words.front(), {}};
  fan.spec.autostart = true;
  fan.spec.origin = file;
  return fan;
}

std::vector<std::string> nth(int n) {
  return {fmt::format("10.{}.0.0/16", n), "eth0/24", "type", "vxlan", "vni", std::to_string(n + 1)};
}

Configuration many(int count) {
  Configuration configuration;
  configuration.files = {file};
  for (int n = 0; n < count; ++n) {
    configuration.wanted.push_back(wanted_fan(nth(n)));
  }
  return configuration;
}

// What is asked of a host.
struct Asked {
  std::size_t facts = 0;
  std::size_t observations = 0;
  std::size_t filters = 0;
  std::size_t path_mtus = 0;
  auto operator<=>(const Asked&) const = default;
};

class CountingProvider : public ForwardingProvider {
public:
  using ForwardingProvider::ForwardingProvider;
  Result<Facts> facts() override {
    ++asked.facts;
    return ForwardingProvider::facts();
  }
  Result<ObservedSet> observe(const Scope& scope) override {
    ++asked.observations;
    return ForwardingProvider::observe(scope);
  }
  Result<firewall::Filters> filters() override {
    ++asked.filters;
    return ForwardingProvider::filters();
  }
  Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device) override {
    ++asked.path_mtus;
    return ForwardingProvider::path_mtu(underlay, source, device);
  }

  Asked asked;
};

Asked asked_by(MemoryProvider& kernel, const Configuration& configuration, bool dry_run = false) {
  CountingProvider counting(kernel);
  const auto applied = apply_configuration(counting, configuration, RequestOptions{.dry_run = dry_run});
  EXPECT_TRUE(applied && applied->errors.empty());
  return counting.asked;
}

TEST(ApplyConfiguration, LooksAtTheHostAsOftenForManyFansAsForTwo) {
  constexpr std::array counts{2, 24};
  std::array<std::vector<Asked>, 2> asked;
  for (std::size_t n = 0; n < counts.size(); ++n) {
    MemoryProvider kernel = host_of_many();
    const Configuration all = many(counts[n]);
    Configuration others = all; // each of them changes
    for (WantedFan& fan : others.wanted) {
      fan.spec.nat = false;
    }
    asked[n] = {asked_by(kernel, all, true), asked_by(kernel, all),     asked_by(kernel, all),
                asked_by(kernel, others),    asked_by(kernel, many(1)), asked_by(kernel, many(0))};
    EXPECT_EQ(kernel.objects.size(), 1U) << "all are down";
    for (std::size_t step = 0; step < 4; ++step) {
      EXPECT_EQ(asked[n][step].path_mtus, static_cast<std::size_t>(counts[n])) << "each was worked out once";
    }
  }
  for (std::size_t step = 0; step < asked[0].size(); ++step) {
    asked[0][step].path_mtus = asked[1][step].path_mtus = 0;
    EXPECT_EQ(asked[0][step], asked[1][step]) << step;
    EXPECT_LE(asked[1][step].facts, 4U) << step;
    EXPECT_LE(asked[1][step].observations, 6U) << step;
  }
}

bool is_about(std::span<const Change> changes, const std::string& bridge) {
  return std::any_of(changes.begin(), changes.end(),
                     [&](const Change& change) { return key_of(change.object()) == "bridge " + bridge; });
}

// Of what is done together and fails nothing is left, and all but what fails are up in the end.
TEST(ApplyConfiguration, AFanThatFailsIsAloneInIt) {
  constexpr int count = 16;
  for (int bad = 0; bad < count; bad += 5) {
    MemoryProvider kernel = host_of_many();
    kernel.fail = [&](std::span<const Change> changes) -> std::optional<Error> {
      Error error;
      error.message = "injected";
      error.sys_errno = ENOBUFS;
      const bool undoing = changes.front().because == "undo";
      return !undoing && is_about(changes, fmt::format("fan-10-{}-28", bad)) ? std::optional(error) : std::nullopt;
    };
    CountingProvider counting(kernel);
    const auto applied = apply_configuration(counting, many(count), {});
    ASSERT_TRUE(applied);
    ASSERT_EQ(applied->errors.size(), 1U) << bad;
    EXPECT_NE(applied->errors[0].message.find(fmt::format("10.{}.0.0/16: ", bad)), std::string::npos)
        << applied->errors[0].message;
    EXPECT_EQ(applied->errors[0].sys_errno, ENOBUFS);
    const auto found = status(kernel);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->fans.size(), count - 1U);
    for (const FanStatus& fan : found->fans) {
      EXPECT_TRUE(fan.drift.empty()) << fan.fan.bridge;
    }
    EXPECT_LE(counting.asked.facts, 2U + 9U) << "halves: of 16, 8, 4, 2 and 1";
  }
}

// A spec that cannot be worked out takes nobody along.
TEST(ApplyConfiguration, WhatCannotBeWorkedOutIsLeftOutOfWhatIsDoneTogether) {
  MemoryProvider kernel = host_of_many();
  Configuration configuration = many(3);
  configuration.wanted[1] = wanted_fan({"10.1.0.0/16", "eth9/24", "type", "vxlan"});
  CountingProvider counting(kernel);
  const auto applied = apply_configuration(counting, configuration, {});
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->errors.size(), 1U);
  EXPECT_EQ(status(kernel)->fans.size(), 2U);
  EXPECT_EQ(counting.asked.facts, 2U);
}

// --- whose each change is

struct Step {
  std::string name;
  std::vector<std::vector<std::string>> before;
  std::vector<std::vector<std::string>> after;
};

std::vector<Step> steps() {
  const std::vector<std::string> a{"250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"};
  const std::vector<std::string> b{"241.0.0.0/8", "eth0/16", "type", "vxlan"};
  const std::vector<std::string> c{"242.0.0.0/8", "eth0/20", "type", "ipip", "accept", "vxlan", "mtu", "1300"};
  const auto with = [](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const auto ipip = [](std::vector<std::string> words) {
    words[3] = "ipip";
    return words;
  };
  return {
      {"all are new", {}, {a, b, c}},
      {"one comes", {a, c}, {a, b, c}},
      {"one comes before those that are there", {b, c}, {a, b, c}},
      {"the tunnel of two goes for another", {a, b}, {ipip(a), ipip(b)}},
      {"and back", {ipip(a), ipip(b), c}, {a, b, c}},
      {"options of each",
       {a, b, c},
       {with(a, {"host-reserve", "3", "no-nat"}), with(b, {"shortcut"}), with(c, {"snooping"})}},
      {"and back again", {with(a, {"host-reserve", "3"}), with(b, {"shortcut", "dhcp"})}, {a, b}},
      {"another name of a bridge with a server", {with(a, {"bridge", "one"})}, {with(a, {"bridge", "two"}), b}},
      {"names change places",
       {with(a, {"bridge", "one"}), with(b, {"bridge", "two"})},
       {with(a, {"bridge", "two"}), with(b, {"bridge", "one"})}},
      {"reach, and no longer", {with(b, {"reach"}), c}, {b, with(c, {"host-reserve", "2"})}},
      {"a larger underlay comes",
       {{"242.0.0.0/8", "eth0/20", "type", "vxlan"}},
       {{"242.0.0.0/8", "eth0/20", "type", "vxlan"}, b}},
      {"a larger underlay comes first",
       {{"242.0.0.0/8", "eth0/20", "type", "vxlan"}},
       {b, {"242.0.0.0/8", "eth0/20", "type", "vxlan"}}},
      {"a larger underlay goes last",
       {b, {"242.0.0.0/8", "eth0/20", "type", "vxlan"}},
       {{"242.0.0.0/8", "eth0/20", "type", "vxlan"},
        {"241.0.0.0/16", "eth0/24", "type", "vxlan", "bridge", "fan-241-0-28"}}},
      {"exposed parts change places",
       {with(a, {"expose", "250.0.28.0/26"}), b},
       {with(a, {"expose", "250.0.28.0/25"}), with(b, {"expose", "241.0.28.128/25"})}},
  };
}

Configuration configuration_of_lines(const std::vector<std::vector<std::string>>& lines) {
  Configuration configuration;
  configuration.files = {file};
  for (const auto& words : lines) {
    configuration.wanted.push_back(wanted_fan(words));
  }
  return configuration;
}

// nftables refuses intervals of one set that overlap.
bool clashes(const MemoryProvider& kernel, const Change& change) {
  const auto* made = change.before ? nullptr : std::get_if<SetElement>(&*change.after);
  return made != nullptr && holds_intervals(*made) &&
         std::any_of(kernel.objects.begin(), kernel.objects.end(), [&](const auto& entry) {
           const auto* other = std::get_if<SetElement>(&entry.second.object);
           return other != nullptr && elements_clash(*made, *other);
         });
}

// As a script of them would: one part after the other, each in the order of its plan.
void carry_out_parts(MemoryProvider& kernel, const Applied& planned, const std::string& name) {
  for (const AppliedPart& part : planned.parts) {
    for (const Change& change : part.outcome.plan) {
      EXPECT_FALSE(clashes(kernel, change)) << name << ": " << key_of(change.object());
      const auto done = kernel.apply({&change, 1});
      EXPECT_TRUE(done) << name << ", part " << part.title << ": " << done.error().message;
    }
  }
}

TEST(ApplyConfiguration, ThePartsOneAfterTheOtherLeadToWhereThePlanDoes) {
  for (const Step& step : steps()) {
    MemoryProvider together = host_of_many();
    const auto first = apply_configuration(together, configuration_of_lines(step.before), {});
    ASSERT_TRUE(first && first->errors.empty()) << step.name << ": " << first->errors.front().message;
    MemoryProvider in_parts = together;
    const Configuration wanted = configuration_of_lines(step.after);
    const auto planned = apply_configuration(in_parts, wanted, RequestOptions{.dry_run = true});
    ASSERT_TRUE(planned && planned->errors.empty()) << step.name << ": " << planned->errors.front().message;
    carry_out_parts(in_parts, *planned, step.name);
    const auto done = apply_configuration(together, wanted, {});
    ASSERT_TRUE(done && done->errors.empty()) << step.name << ": " << done->errors.front().message;
    EXPECT_TRUE(in_parts.objects == together.objects) << step.name;
    const auto again = apply_configuration(in_parts, wanted, {});
    ASSERT_TRUE(again && again->errors.empty()) << step.name;
    for (const AppliedPart& part : again->parts) {
      EXPECT_TRUE(part.outcome.plan.empty()) << step.name << ": " << key_of(part.outcome.plan.front().object());
    }
  }
}

// Each as it would be alone: what is nobody else's comes with it and goes with it.
TEST(ApplyConfiguration, EachFanHasItsOwnChanges) {
  MemoryProvider kernel = host_of_many();
  const auto applied = apply_configuration(kernel, many(3), {});
  ASSERT_TRUE(applied);
  ASSERT_EQ(applied->parts.size(), 3U);
  for (int n = 0; n < 3; ++n) {
    const std::vector<Change>& plan = applied->parts[static_cast<std::size_t>(n)].outcome.plan;
    EXPECT_TRUE(is_about(plan, fmt::format("fan-10-{}-28", n)));
    EXPECT_FALSE(is_about(plan, fmt::format("fan-10-{}-28", (n + 1) % 3)));
    const bool has_tunnel = std::any_of(
        plan.begin(), plan.end(), [](const Change& change) { return std::holds_alternative<Tunnel>(change.object()); });
    EXPECT_EQ(has_tunnel, n == 0);
  }
  kernel.delete_by_hand("route 10.1.0.0/16");
  const auto repaired = apply_configuration(kernel, many(3), {});
  ASSERT_TRUE(repaired);
  EXPECT_TRUE(repaired->parts[0].outcome.plan.empty());
  EXPECT_EQ(repaired->parts[1].outcome.plan.size(), 1U);
  EXPECT_TRUE(repaired->parts[2].outcome.plan.empty());
  const auto gone = apply_configuration(kernel, many(0), {});
  ASSERT_TRUE(gone);
  ASSERT_EQ(gone->parts.size(), 3U);
  for (const AppliedPart& part : gone->parts) {
    EXPECT_TRUE(is_about(part.outcome.plan, part.title.substr(std::string("remove ").size())));
  }
}

// What several fans consist of comes with the first one and goes with the last.
TEST(ApplyConfiguration, ATunnelGoesWithTheLastFanThatHadIt) {
  MemoryProvider kernel = host_of_many();
  ASSERT_TRUE(apply_configuration(kernel, many(3), {}));
  Configuration others = many(3);
  for (WantedFan& fan : others.wanted) {
    fan.spec.port = 8473;
  }
  const auto applied = apply_configuration(kernel, others, {});
  ASSERT_TRUE(applied && applied->errors.empty());
  const auto changes_tunnel = [&](std::size_t part, bool makes) {
    const std::vector<Change>& plan = applied->parts[part].outcome.plan;
    return std::any_of(plan.begin(), plan.end(), [&](const Change& change) {
      return std::holds_alternative<Tunnel>(change.object()) && change.after.has_value() == makes;
    });
  };
  for (const std::size_t part : {0U, 1U, 2U}) {
    EXPECT_EQ(changes_tunnel(part, true), part == 0) << part;
    EXPECT_EQ(changes_tunnel(part, false), part == 2) << part;
  }
}

// Who may not look at the host is told once, and no fan is blamed.
TEST(ApplyConfiguration, ADryRunThatMayNotLookIsOneError) {
  struct Hidden : ForwardingProvider {
    using ForwardingProvider::ForwardingProvider;
    Result<ObservedSet> observe(const Scope& /*scope*/) override {
      Error error;
      error.kind = ErrorClass::privilege;
      error.message = "not allowed";
      return error;
    }
  };
  MemoryProvider kernel = host_of_many();
  Hidden hidden(kernel);
  for (const int up : {0, 1}) {
    ASSERT_TRUE(apply_configuration(kernel, many(up), {}));
    const auto planned = apply_configuration(hidden, many(3), RequestOptions{.dry_run = true});
    ASSERT_FALSE(planned) << up;
    EXPECT_EQ(planned.error().kind, ErrorClass::privilege);
    EXPECT_EQ(planned.error().message, "not allowed");
  }
}

} // namespace
} // namespace fan
