// Every change of every plan fails with every errno that the kernel has for it, before and after it was done, and then
// the undoing of each change fails as well.
#include <set>

#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/words.h"
#include "engine/apply.h"
#include "engine/apply_configuration.h"
#include "engine/broadcast.h"
#include "engine/port_requests.h"
#include "engine/requests.h"
#include "kernel_errnos.h"
#include "support/memory_provider.h"

namespace fan {
namespace {

using test::KernelErrno;
using test::MemoryProvider;

FanSpec spec_of(const std::vector<std::string>& words) {
  auto spec = parse_words(words);
  EXPECT_TRUE(spec) << spec.error().message;
  return *spec;
}

// When the change fails: the kernel refuses, or does it and its answer is lost.
enum class Moment { refused, answer_lost };

Error refusal(int number) {
  Error error;
  error.sys_errno = number;
  error.message = "injected";
  return error;
}

// Fails at one change on the way forward, or from it on, and when undoing those with certain keys.
class FailingProvider : public MemoryProvider {
public:
  explicit FailingProvider(const MemoryProvider& kernel) : MemoryProvider(kernel) { transactions = 0; }

  Result<void> apply(std::span<const Change> changes) override {
    if (changes.front().because == "undo") {
      undone.push_back(key_of(changes.front().object()));
      return stubborn == undone.back() ? Result<void>(refusal(EIO)) : MemoryProvider::apply(changes);
    }
    forward.emplace_back(changes.begin(), changes.end());
    if (forward.size() < fails_at + 1 || (forward.size() > fails_at + 1 && !lasting)) {
      return MemoryProvider::apply(changes);
    }
    if (moment == Moment::answer_lost) {
      EXPECT_TRUE(MemoryProvider::apply(changes));
    }
    return refusal(number);
  }

  std::size_t fails_at = SIZE_MAX;
  bool lasting = false;
  int number = EIO;
  Moment moment = Moment::refused;
  std::string stubborn; // the key of what cannot be undone
  std::vector<std::vector<Change>> forward;
  std::vector<std::string> undone;
};

using Kernel = MemoryProvider;
struct Scenario {
  std::string name;
  std::function<void(Kernel&)> prepare;
  std::function<Result<void>(Kernel&)> act;
};

const std::vector<std::string> plain{"250.0.0.0/8", "eth0/16", "type", "vxlan"};

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Result<void> do_up(Kernel& kernel, const std::vector<std::string>& words) {
  auto done = up(kernel, spec_of(words), {});
  return done ? Result<void>() : Result<void>(done.error());
}

Result<void> do_down(Kernel& kernel) {
  Selector every;
  every.all = Selector::All::every;
  auto done = down(kernel, every, {});
  return done ? Result<void>() : Result<void>(done.error());
}

Scenario bringing_up(const std::string& name, const std::vector<std::string>& words,
                     const std::vector<std::string>& there = {}) {
  return {name, [there](Kernel& kernel) { EXPECT_TRUE(there.empty() || do_up(kernel, there)); },
          [words](Kernel& kernel) { return do_up(kernel, words); }};
}

Scenario repairing(const std::string& name, const std::string& key) {
  return {name,
          [key](Kernel& kernel) {
            EXPECT_TRUE(do_up(kernel, with(plain, {"dhcp"})));
            kernel.delete_by_hand(key);
          },
          [](Kernel& kernel) { return do_up(kernel, with(plain, {"dhcp"})); }};
}

// A fan with two ports, veth2 and veth3, on its bridge.
void prepare_ports(Kernel& kernel) {
  for (const std::uint32_t n : {2U, 3U}) {
    LinkFact port;
    port.ifindex = n;
    port.name = "veth" + std::to_string(n);
    port.kind = "veth";
    port.up = true;
    port.mtu = 1450;
    port.master = 4; // what is made comes after what is there, the bridge first
    kernel.base.links.push_back(port);
  }
  EXPECT_TRUE(do_up(kernel, plain));
  EXPECT_EQ(kernel.facts()->link("fan-250-0-27")->ifindex, 4U);
}

Registration endpoint(const char* address, const char* port, std::uint8_t number) {
  return {*Address::parse(address), port, Mac{{0x02, 0, 0, 0, 0, number}}};
}

template <class Outcome>
Result<void> without_value(const Result<Outcome>& done) {
  return done ? Result<void>() : Result<void>(done.error());
}

Result<void> do_add(Kernel& kernel, const std::vector<EndpointRequest>& wanted) {
  return without_value(add_endpoints(kernel, {}, wanted, true, {}));
}

EndpointRequest request(Registration endpoint, bool secure, std::vector<AnyPrefix> allow = {}) {
  EndpointRequest wanted;
  wanted.endpoint = std::move(endpoint);
  wanted.secure = secure;
  wanted.allow = std::move(allow);
  return wanted;
}

const std::vector<EndpointRequest> two_endpoints{
    request(endpoint("250.0.27.2", "veth2", 2), true,
            {*AnyPrefix::parse("10.1.0.0/16"), *AnyPrefix::parse("2001:db8::/32")}),
    request(endpoint("250.0.27.3", "veth3", 3), false)};
const std::vector<EndpointRequest> two_moved{request(endpoint("250.0.27.2", "veth3", 2), false),
                                             request(endpoint("250.0.27.3", "veth2", 4), true)};

// A device that is no port of a bridge, and gets a route to its endpoint.
void prepare_routed(Kernel& kernel) {
  LinkFact device;
  device.ifindex = 2;
  device.name = "veth5";
  device.kind = "veth";
  device.up = true;
  device.mtu = 1450;
  kernel.base.links.push_back(device);
  EXPECT_TRUE(do_up(kernel, plain));
}

Result<void> do_route(Kernel& kernel) {
  EndpointRequest routed = request(endpoint("250.0.27.5", "veth5", 5), false);
  routed.routed = true;
  return do_add(kernel, {routed});
}

Result<void> do_broadcast(Kernel& kernel, BroadcastVerb verb, const std::vector<std::string>& who) {
  const ContainerNames nobody = [](const std::string& name) -> Result<std::vector<std::string>> {
    return host_error("no container " + name);
  };
  return without_value(change_broadcast(kernel, {}, verb, who, nobody, {}));
}

void prepare_endpoints(Kernel& kernel) {
  prepare_ports(kernel);
  EXPECT_TRUE(do_add(kernel, two_endpoints));
}

void prepare_broadcasts(Kernel& kernel) {
  prepare_endpoints(kernel);
  EXPECT_TRUE(do_broadcast(kernel, BroadcastVerb::reset, {}));
  EXPECT_TRUE(do_broadcast(kernel, BroadcastVerb::receive, {"veth2"}));
}

std::vector<Scenario> scenarios_of_ports() {
  return {
      {"endpoints_added", prepare_ports, [](Kernel& kernel) { return do_add(kernel, two_endpoints); }},
      {"endpoints_routed", prepare_routed, do_route},
      {"endpoints_moved", prepare_endpoints, [](Kernel& kernel) { return do_add(kernel, two_moved); }},
      {"endpoints_removed", prepare_endpoints,
       [](Kernel& kernel) { return without_value(remove_endpoints(kernel, {}, {}, {})); }},
      {"broadcast_reset", prepare_endpoints,
       [](Kernel& kernel) { return do_broadcast(kernel, BroadcastVerb::reset, {}); }},
      {"broadcast_receive", prepare_endpoints,
       [](Kernel& kernel) { return do_broadcast(kernel, BroadcastVerb::receive, {"veth2"}); }},
      {"broadcast_off", prepare_broadcasts,
       [](Kernel& kernel) { return do_broadcast(kernel, BroadcastVerb::off, {}); }},
      {"down_with_endpoints", prepare_broadcasts,
       [](Kernel& kernel) {
         Selector every;
         every.all = Selector::All::every;
         RequestOptions force;
         force.force = true;
         return without_value(down(kernel, every, force));
       }},
  };
}

const std::vector<std::string> newer{"shortcut", "snooping", "no-isolate", "host-access", "dhcp", "block-metadata"};

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all = scenarios_of_ports();
  const std::vector<Scenario> of_fans{
      bringing_up("up_with_newer_options", with(plain, newer)),
      bringing_up("up_to_newer_options", with(plain, newer), plain),
      bringing_up("up_without_newer_options", plain, with(plain, newer)),
      {"down_with_newer_options", [](Kernel& kernel) { EXPECT_TRUE(do_up(kernel, with(plain, newer))); }, do_down},
      {"repair_querier_and_shortcut",
       [](Kernel& kernel) {
         EXPECT_TRUE(do_up(kernel, with(plain, newer)));
         kernel.delete_by_hand("querier fan-250-0-27");
         kernel.delete_by_hand("shortcut 250.0.27.0/24");
       },
       [](Kernel& kernel) { return do_up(kernel, with(plain, newer)); }},
      bringing_up("up_vxlan", plain),
      bringing_up("up_ipip_dhcp", {"250.0.0.0/8", "eth0/16", "type", "ipip", "dhcp"}),
      bringing_up("up_reach", with(plain, {"reach"})),
      bringing_up("up_no_nat_exposed", with(plain, {"no-nat", "expose", "all", "host-reserve", "3"})),
      bringing_up("up_beside_another", {"241.0.0.0/8", "eth0/16", "type", "vxlan"}, plain),
      bringing_up("up_with_other_options", with(plain, {"dhcp", "mtu", "1400", "host-reserve", "2"}), plain),
      bringing_up("up_over_the_other_tunnel", {"250.0.0.0/8", "eth0/16", "type", "ipip", "dhcp"},
                  with(plain, {"dhcp"})),
      bringing_up("up_from_reach_to_bridge", plain, with(plain, {"reach"})),
      {"down",
       [](Kernel& kernel) {
         EXPECT_TRUE(do_up(kernel, with(plain, {"dhcp", "host-reserve", "2"})));
       },
       do_down},
      {"down_of_two",
       [](Kernel& kernel) {
         EXPECT_TRUE(do_up(kernel, plain));
         EXPECT_TRUE(do_up(kernel, {"241.0.0.0/8", "eth0/16", "type", "ipip", "dhcp"}));
       },
       do_down},
      repairing("repair_bridge", "bridge fan-250-0-27"),
      repairing("repair_tunnel", "tunnel fanvx8472"),
      repairing("repair_ruleset", "ruleset"),
      repairing("repair_route", "route 250.0.0.0/8"),
      repairing("repair_dhcp", "dhcp fan-250-0-27"),
  };
  all.insert(all.end(), of_fans.begin(), of_fans.end());
  return all;
}

MemoryProvider host27() {
  return MemoryProvider::host(*Address::parse("172.30.0.27"), 16);
}

class Failure : public testing::TestWithParam<Scenario> {
protected:
  void SetUp() override { GetParam().prepare(before_); }

  [[nodiscard]] FailingProvider fresh() const { return FailingProvider(before_); }
  static Result<void> act(FailingProvider& kernel) { return GetParam().act(kernel); }

  // The changes of the whole plan, transaction by transaction.
  [[nodiscard]] std::vector<std::vector<Change>> plan() const {
    FailingProvider kernel = fresh();
    EXPECT_TRUE(act(kernel));
    EXPECT_FALSE(kernel.forward.empty());
    return kernel.forward;
  }

  [[nodiscard]] std::string difference(const MemoryProvider& now) const {
    std::string text;
    for (const auto& [key, found] : before_.objects) {
      const auto at = now.objects.find(key);
      text += at == now.objects.end() ? "- " + key + "\n" : at->second.object == found.object ? "" : "~ " + key + "\n";
    }
    for (const auto& [key, found] : now.objects) {
      // A setting of a device has a value also where the memory knows none yet.
      const bool is_new = before_.objects.count(key) == 0 && !std::holds_alternative<Sysctl>(found.object);
      text += is_new ? "+ " + key + "\n" : "";
    }
    return text;
  }

private:
  MemoryProvider before_ = host27();
};

INSTANTIATE_TEST_SUITE_P(Of, Failure, testing::ValuesIn(scenarios()), [](const auto& info) { return info.param.name; });

std::string verb_of(const Change& change) {
  return !change.before ? "create" : change.after ? "change" : "remove";
}

bool is_row(const Object& object) {
  return std::holds_alternative<RecordRow>(object) || std::holds_alternative<MappingRow>(object) ||
         std::holds_alternative<SliceRow>(object) || std::holds_alternative<NeverRow>(object) ||
         std::holds_alternative<ShortcutRow>(object);
}

// The errnos that the kernel has for any change of the transaction. To remove a setting is nothing: it goes with its
// device.
std::set<int> errnos_of(const std::vector<Change>& transaction) {
  std::set<int> numbers;
  for (const Change& change : transaction) {
    const std::string kind = is_row(change.object()) ? "row" : kind_of(change.object());
    for (const KernelErrno& one : test::kernel_errnos) {
      if (one.kind == kind && one.verb == verb_of(change)) {
        numbers.insert(one.number);
      }
    }
  }
  const bool is_nothing = std::holds_alternative<Sysctl>(transaction.front().object()) && !transaction.front().after;
  EXPECT_FALSE(numbers.empty() && !is_nothing)
      << key_of(transaction.front().object()) << ": " << verb_of(transaction.front());
  for (const KernelErrno& one : test::errnos_of_any) {
    numbers.insert(one.number);
  }
  return numbers;
}

TEST_P(Failure, OfEachChangeWithEachErrnoLeavesTheStateBefore) {
  const auto plan = this->plan();
  for (std::size_t k = 0; k < plan.size(); ++k) {
    for (const int number : errnos_of(plan[k])) {
      for (const Moment moment : {Moment::refused, Moment::answer_lost}) {
        FailingProvider kernel = fresh();
        kernel.fails_at = k;
        kernel.number = number;
        kernel.moment = moment;
        const auto failed = act(kernel);
        const std::string where = key_of(plan[k].front().object()) + ", errno " + std::to_string(number) +
                                  (moment == Moment::refused ? ", refused" : ", the answer lost");
        ASSERT_FALSE(failed) << where;
        EXPECT_EQ(failed.error().sys_errno, number) << where;
        EXPECT_NE(failed.error().kind, ErrorClass::partial) << where << ": " << failed.error().message;
        EXPECT_EQ(difference(kernel), "") << where;
      }
    }
  }
}

// What could not be undone is named, all else is undone, and the same request succeeds once the cause is gone.
TEST_P(Failure, OfEachUndoIsReportedAndTheOthersAreDone) {
  const auto plan = this->plan();
  for (std::size_t k = 0; k < plan.size(); ++k) {
    for (std::size_t j = 0; j < k; ++j) {
      FailingProvider kernel = fresh();
      kernel.fails_at = k;
      kernel.stubborn = key_of(plan[j].back().object()); // the inverse of a transaction begins with its end
      const auto failed = act(kernel);
      ASSERT_FALSE(failed);
      const std::set<std::string> tried(kernel.undone.begin(), kernel.undone.end());
      for (std::size_t n = 0; n < k; ++n) {
        EXPECT_EQ(tried.count(key_of(plan[n].back().object())), 1U) << "after a failed undo the others follow";
      }
      if (difference(kernel).empty()) {
        continue; // it went with its device
      }
      EXPECT_EQ(failed.error().kind, ErrorClass::partial) << kernel.stubborn << "\n" << difference(kernel);
      EXPECT_NE(failed.error().message.find("undo failed: "), std::string::npos) << failed.error().message;
      kernel.stubborn.clear();
      kernel.fails_at = SIZE_MAX;
      const auto again = act(kernel);
      EXPECT_TRUE(again) << again.error().message;
    }
  }
}

// A kind of object that none of the plans has would be proven by nothing.
TEST(FailureOfPlans, TheyHaveEveryKindOfObject) {
  std::set<std::size_t> missing;
  for (std::size_t rank = 0; rank < std::variant_size_v<Object>; ++rank) {
    missing.insert(rank);
  }
  for (const Scenario& scenario : scenarios()) {
    MemoryProvider before = host27();
    scenario.prepare(before);
    FailingProvider kernel(before);
    const Result<void> done = scenario.act(kernel);
    ASSERT_TRUE(done) << scenario.name << ": " << done.error().message;
    for (const auto& transaction : kernel.forward) {
      for (const Change& change : transaction) {
        missing.erase(rank_of(change.object()));
      }
    }
  }
  EXPECT_TRUE(missing.empty()) << "the first is number " << *missing.begin() << " of Object";
}

TEST(FailureOfUndo, IsReportedForEachThatFails) {
  FailingProvider kernel(host27());
  kernel.fails_at = 6;
  struct Broken : FailingProvider {
    using FailingProvider::FailingProvider;
    Result<void> apply(std::span<const Change> changes) override {
      return changes.front().because == "undo" ? Result<void>(refusal(EIO)) : FailingProvider::apply(changes);
    }
  } broken(host27());
  broken.fails_at = 6;
  const auto failed = do_up(broken, plain);
  ASSERT_FALSE(failed);
  std::size_t reported = 0;
  for (std::size_t at = failed.error().message.find("undo failed"); at != std::string::npos;
       at = failed.error().message.find("undo failed", at + 1)) {
    ++reported;
  }
  EXPECT_EQ(reported, 6U) << failed.error().message;
}

// The kernel cannot be read any more, from the n-th look on.
struct BlindProvider : FailingProvider {
  using FailingProvider::FailingProvider;
  Result<Facts> facts() override { return seen() ? MemoryProvider::facts() : Result<Facts>(refusal(EINTR)); }
  Result<ObservedSet> observe(const Scope& scope) override {
    return seen() ? MemoryProvider::observe(scope) : Result<ObservedSet>(refusal(EINTR));
  }
  bool seen() { return looks++ < sees; }
  std::size_t looks = 0;
  std::size_t sees = SIZE_MAX;
};

TEST_P(Failure, OfEachLookLeavesTheStateBefore) {
  BlindProvider counted(fresh());
  ASSERT_TRUE(act(counted));
  for (std::size_t n = 0; n < counted.looks; ++n) {
    BlindProvider kernel(fresh());
    kernel.sees = n;
    const auto failed = act(kernel);
    ASSERT_FALSE(failed) << n;
    EXPECT_EQ(failed.error().sys_errno, EINTR);
    EXPECT_EQ(difference(kernel), "") << "blind from look " << n << " on: " << failed.error().message;
  }
}

TEST(FailureInDoubt, WhatSomebodyElseMadeMeanwhileStays) {
  struct Taken : MemoryProvider {
    using MemoryProvider::MemoryProvider;
    Result<void> apply(std::span<const Change> changes) override {
      const Object& object = changes.front().object();
      if (std::holds_alternative<Route>(object) && changes.front().because != "undo") {
        Route theirs = std::get<Route>(object);
        theirs.device = "eth0";
        objects.insert_or_assign(key_of(theirs), Observed{theirs, false});
        return refusal(EEXIST);
      }
      return MemoryProvider::apply(changes);
    }
  };
  Taken kernel;
  static_cast<MemoryProvider&>(kernel) = host27();
  ASSERT_FALSE(do_up(kernel, plain));
  EXPECT_EQ(kernel.objects.count("route 250.0.0.0/8"), 1U);
  EXPECT_EQ(kernel.objects.size(), 2U) << "beside the setting of eth0";
}

// --- a configuration: its fans together, and where that fails each of them alone

Configuration configuration_of(const std::vector<std::vector<std::string>>& lines) {
  Configuration configuration;
  configuration.files = {"/etc/fanctl/a.yaml"};
  for (const auto& words : lines) {
    WantedFan fan{spec_of(words), words.front(), {}};
    fan.spec.autostart = true;
    fan.spec.origin = "/etc/fanctl/a.yaml";
    configuration.wanted.push_back(fan);
  }
  return configuration;
}

class FailureOfApply : public ::testing::Test {
protected:
  FailureOfApply() {
    EXPECT_TRUE(
        apply_configuration(before, configuration_of({plain, {"241.0.0.0/8", "eth0/16", "type", "vxlan"}}), {}));
    FailingProvider counted(before);
    EXPECT_TRUE(apply_configuration(counted, wanted, {})->errors.empty());
    plan = counted.forward;
    after = counted.objects;
  }

  void expect_whole_fans(FailingProvider& kernel, std::size_t k) {
    const auto found = status(kernel);
    ASSERT_TRUE(found);
    for (const FanStatus& fan : found->fans) {
      EXPECT_TRUE(fan.drift.empty()) << k << ": " << fan.fan.bridge << ": " << fan.drift.front().key;
    }
  }

  template <class Act>
  void at_each_change(bool lasting, Act act) {
    for (std::size_t k = 0; k < plan.size(); ++k) {
      for (const int number : {*errnos_of(plan[k]).begin(), EINTR}) {
        for (const Moment moment : {Moment::refused, Moment::answer_lost}) {
          FailingProvider kernel(before);
          kernel.fails_at = k;
          kernel.number = number;
          kernel.moment = moment;
          kernel.lasting = lasting;
          act(kernel, k);
        }
      }
    }
  }

  const Configuration wanted =
      configuration_of({with(plain, {"dhcp"}), {"242.0.0.0/8", "eth0/16", "type", "ipip", "dhcp"}});
  MemoryProvider before = host27();
  std::vector<std::vector<Change>> plan;
  ObservedSet after;
};

// What was done together is undone, and each fan is tried again.
TEST_F(FailureOfApply, OnceAtEachChangeIsMadeGoodByTryingAgain) {
  at_each_change(false, [this](FailingProvider& kernel, std::size_t k) {
    const auto applied = apply_configuration(kernel, wanted, {});
    ASSERT_TRUE(applied);
    const bool alone = !applied->errors.empty(); // the one fan that goes is not tried again
    EXPECT_LE(applied->errors.size(), 1U) << k;
    expect_whole_fans(kernel, k);
    EXPECT_TRUE(alone || kernel.objects == after) << k;
  });
}

TEST_F(FailureOfApply, FromEachChangeOnLeavesEachFanAsItWasOrAsItShallBe) {
  at_each_change(true, [this](FailingProvider& kernel, std::size_t k) {
    kernel.moment = Moment::refused;
    const auto applied = apply_configuration(kernel, wanted, {});
    ASSERT_TRUE(applied);
    ASSERT_FALSE(applied->errors.empty()) << k;
    EXPECT_EQ(applied->errors.back().sys_errno, kernel.number);
    expect_whole_fans(kernel, k);
    kernel.lasting = false;
    const auto again = apply_configuration(kernel, wanted, {});
    EXPECT_TRUE(again && again->errors.empty());
    EXPECT_TRUE(kernel.objects == after) << k;
  });
}

} // namespace
} // namespace fan
