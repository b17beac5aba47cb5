// up, down and status over a kernel in memory: what a request does, and that a failure at any step leaves nothing
// behind.
#include <gtest/gtest.h>

#include "core/render.h"
#include "core/words.h"
#include "engine/requests.h"
#include "engine/sequence.h"
#include "support/memory_provider.h"

namespace fan {
namespace {

using test::MemoryProvider;

FanSpec spec_of(const std::vector<std::string>& words) {
  auto spec = parse_words(words);
  EXPECT_TRUE(spec) << spec.error().message;
  return *spec;
}

const std::vector<std::string> announcement{"250.0.0.0/8", "eth0/16", "dhcp"};

MemoryProvider host28() {
  return MemoryProvider::host(*Address::parse("172.30.0.28"), 16);
}

Selector by_spec(const FanSpec& spec) {
  Selector which;
  which.spec = spec;
  return which;
}

TEST(Engine, UpMakesEveryObjectAndASecondUpFindsNothingToDo) {
  MemoryProvider kernel = host28();
  const auto first = up(kernel, spec_of(announcement), {});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->fans.at(0).bridge, "fan-250-0-28");
  EXPECT_GT(first->plan.size(), 20U);
  for (const char* key : {"bridge fan-250-0-28", "tunnel fanip", "ruleset", "route 250.0.0.0/8", "dhcp fan-250-0-28"}) {
    EXPECT_EQ(kernel.objects.count(key), 1U) << key;
  }
  const auto second = up(kernel, spec_of(announcement), {});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->plan.empty());
}

// Another program on the tunnel, one on the bridge and a row; and a note, as it takes something away.
TEST(Engine, TheShortcutComesAndGoesByItsOwnObjects) {
  MemoryProvider kernel = host28();
  const std::vector<std::string> words{"250", "eth0", "type", "vxlan"};
  std::vector<std::string> with = words;
  with.emplace_back("shortcut");
  const auto program = [&] {
    return std::get<Classifier>(kernel.objects.at("classifier fanvx8472 ingress").object).program;
  };
  const auto plain = up(kernel, spec_of(words), {});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(program(), "tunnel_in_vxlan");
  EXPECT_TRUE(plain->notes.empty());
  const ObservedSet before = kernel.objects;
  const auto quick = up(kernel, spec_of(with), {});
  ASSERT_TRUE(quick) << quick.error().message;
  EXPECT_EQ(program(), "tunnel_in_vxlan_shortcut");
  EXPECT_EQ(kernel.objects.count("classifier fan-250-0-28 ingress"), 1U);
  EXPECT_EQ(std::get<ShortcutRow>(kernel.objects.at("shortcut 250.0.28.0/24").object).bridge, "fan-250-0-28");
  EXPECT_EQ(kernel.objects.count("set shortcuts 250.0.28.0/24"), 1U);
  ASSERT_EQ(quick->notes.size(), 1U);
  EXPECT_EQ(quick->notes.front().find("shortcut: no firewall rule"), 0U) << quick->notes.front();
  ASSERT_TRUE(up(kernel, spec_of({"251", "eth0", "type", "vxlan"}), {}));
  EXPECT_EQ(program(), "tunnel_in_vxlan_shortcut") << "a fan without it shares the tunnel";
  EXPECT_EQ(kernel.objects.count("shortcut 251.0.28.0/24"), 0U);
  ASSERT_TRUE(down(kernel, by_spec(spec_of({"251", "eth0", "type", "vxlan"})), {}));
  ASSERT_TRUE(up(kernel, spec_of(words), {}));
  ASSERT_EQ(kernel.objects.size(), before.size());
  for (const auto& [key, found] : before) {
    EXPECT_EQ(kernel.objects.at(key).object, found.object) << key;
  }
}

TEST(Engine, DownLeavesWhatWasThereBefore) {
  MemoryProvider kernel = host28();
  const ObservedSet before = kernel.objects;
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  EXPECT_EQ(std::get<Sysctl>(kernel.objects.at("sysctl net/ipv4/conf/eth0/forwarding").object).value, "1");
  const auto gone = down(kernel, by_spec(spec_of(announcement)), {});
  ASSERT_TRUE(gone) << gone.error().message;
  ASSERT_EQ(kernel.objects.size(), before.size());
  for (const auto& [key, found] : before) {
    EXPECT_EQ(kernel.objects.at(key).object, found.object) << key;
  }
}

TEST(Engine, FailureOfEachChangeOfUpLeavesTheStateBefore) {
  MemoryProvider counted = host28();
  ASSERT_TRUE(up(counted, spec_of(announcement), {}));
  for (std::size_t k = 0; k < counted.transactions; ++k) {
    MemoryProvider kernel = host28();
    const ObservedSet before = kernel.objects;
    std::size_t n = 0;
    kernel.fail = [&](std::span<const Change>) -> std::optional<Error> {
      if (n++ != k) {
        return std::nullopt;
      }
      Error error;
      error.message = "injected";
      return error;
    };
    const auto failed = up(kernel, spec_of(announcement), {});
    ASSERT_FALSE(failed) << k;
    EXPECT_NE(failed.error().message.find("injected"), std::string::npos);
    ASSERT_EQ(kernel.objects.size(), before.size()) << "after a failure of change " << k;
    for (const auto& [key, found] : before) {
      EXPECT_EQ(kernel.objects.at(key).object, found.object) << key;
    }
  }
}

TEST(Engine, FailureOfEachChangeOfDownLeavesTheFanUp) {
  MemoryProvider up_once = host28();
  ASSERT_TRUE(up(up_once, spec_of(announcement), {}));
  MemoryProvider counted = up_once;
  counted.transactions = 0;
  ASSERT_TRUE(down(counted, by_spec(spec_of(announcement)), {}));
  for (std::size_t k = 0; k < counted.transactions; ++k) {
    MemoryProvider kernel = up_once;
    std::size_t n = 0;
    kernel.fail = [&](std::span<const Change>) -> std::optional<Error> {
      return n++ == k ? std::optional<Error>(Error{}) : std::nullopt;
    };
    ASSERT_FALSE(down(kernel, by_spec(spec_of(announcement)), {})) << k;
    kernel.fail = nullptr;
    const auto left = up(kernel, spec_of(announcement), {});
    ASSERT_TRUE(left) << left.error().message;
    EXPECT_TRUE(left->plan.empty()) << "after a failure of change " << k;
  }
}

TEST(Engine, AnUndoThatFailsIsReportedAndDoesNotStopTheOthers) {
  MemoryProvider kernel = host28();
  std::size_t n = 0;
  kernel.fail = [&](std::span<const Change> changes) -> std::optional<Error> {
    const bool undo = changes.front().because == "undo";
    const bool is_bridge = std::holds_alternative<Bridge>(changes.front().object());
    return n++ >= 8 && (!undo || is_bridge) ? std::optional<Error>(Error{}) : std::nullopt;
  };
  const auto failed = up(kernel, spec_of(announcement), {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorClass::partial);
  EXPECT_NE(failed.error().message.find("undo failed: remove bridge fan-250-0-28"), std::string::npos)
      << failed.error().message;
  EXPECT_EQ(kernel.objects.count("tunnel fanip"), 0U);
}

TEST(Engine, DeletingAnyObjectByHandIsRepairedByWritingJustThatAndWhatDiedWithIt) {
  MemoryProvider whole = host28();
  ASSERT_TRUE(up(whole, spec_of(announcement), {}));
  for (const auto& [key, found] : whole.objects) {
    if (std::holds_alternative<Sysctl>(found.object)) {
      continue; // a sysctl cannot be deleted
    }
    MemoryProvider kernel = whole;
    kernel.delete_by_hand(key);
    const std::size_t died = whole.objects.size() - kernel.objects.size();
    const auto repaired = up(kernel, spec_of(announcement), {});
    ASSERT_TRUE(repaired) << key << ": " << repaired.error().message;
    EXPECT_EQ(repaired->plan.size(), died) << key;
    EXPECT_EQ(kernel.objects.size(), whole.objects.size()) << key;
  }
}

TEST(Engine, AFanIsKnownFromItsBridgeWhenTheRecordMapIsLost) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  kernel.delete_by_hand("tunnel fanip");
  kernel.delete_by_hand("classifier fan-250-0-28 egress"); // the last program that held the maps
  ASSERT_EQ(kernel.objects.count("record fan-250-0-28"), 0U);
  const auto gone = down(kernel, by_spec(spec_of(announcement)), {});
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(kernel.objects.size(), 1U);
}

TEST(Engine, AFanIsKnownFromTheRecordMapWhenItsBridgeIsGone) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  kernel.delete_by_hand("bridge fan-250-0-28");
  const auto gone = down(kernel, by_spec(spec_of(announcement)), {});
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(kernel.objects.size(), 1U);
}

TEST(Engine, DownWorksWhenTheUnderlayDeviceIsGone) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  kernel.base.links.clear();
  kernel.base.addresses.clear();
  kernel.base.default_device.clear();
  kernel.objects.erase("sysctl net/ipv4/conf/eth0/forwarding");
  const auto gone = down(kernel, by_spec(spec_of(announcement)), {});
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_TRUE(kernel.objects.empty());
}

TEST(Engine, ASecondFanStaysWholeWhenTheFirstGoesDown) {
  MemoryProvider kernel = host28();
  const FanSpec second = spec_of({"241.0.0.0/8", "eth0/16"});
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  ASSERT_TRUE(up(kernel, second, {}));
  ASSERT_TRUE(down(kernel, by_spec(spec_of(announcement)), {}));
  const auto again = up(kernel, second, {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->plan.empty());
  ASSERT_TRUE(down(kernel, by_spec(second), {}));
  EXPECT_EQ(std::get<Sysctl>(kernel.objects.at("sysctl net/ipv4/conf/eth0/forwarding").object).value, "0");
  EXPECT_EQ(kernel.objects.size(), 1U);
}

TEST(Engine, AChangedOptionChangesJustThat) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  const auto changed = up(kernel, spec_of({"250.0.0.0/8", "eth0/16", "dhcp", "host-reserve", "3"}), {});
  ASSERT_TRUE(changed) << changed.error().message;
  std::set<std::string> keys;
  for (const Change& change : changed->plan) {
    keys.insert(key_of(change.object()));
  }
  const std::set<std::string> expected{"bridge fan-250-0-28",
                                       "record fan-250-0-28",
                                       "slice 250.0.28.0/24",
                                       "address fan-250-0-28 250.0.28.2/24",
                                       "address fan-250-0-28 250.0.28.3/24",
                                       "dhcp fan-250-0-28"};
  EXPECT_EQ(keys, expected);
}

TEST(Engine, FromIpipToVxlanTheNewTunnelCarriesTheRouteBeforeTheOldOneGoes) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  const auto moved = up(kernel, spec_of({"250.0.0.0/8", "eth0/16", "dhcp", "type", "vxlan"}), {});
  ASSERT_TRUE(moved) << moved.error().message;
  std::size_t route = 0;
  std::size_t old_tunnel = 0;
  for (std::size_t n = 0; n < moved->plan.size(); ++n) {
    const std::string key = key_of(moved->plan[n].object());
    route = key == "route 250.0.0.0/8" ? n : route;
    old_tunnel = key == "tunnel fanip" ? n : old_tunnel;
  }
  EXPECT_LT(route, old_tunnel);
  EXPECT_EQ(kernel.objects.count("tunnel fanip"), 0U);
}

TEST(Engine, DownRefusesWhilePortsAreAttachedAndNamesThem) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  auto facts = kernel.facts();
  LinkFact port;
  port.ifindex = 77;
  port.name = "veth7";
  port.master = facts->link("fan-250-0-28")->ifindex + 1; // the links of `base` come first, and there is one more now
  kernel.base.links.push_back(port);
  const auto refused = down(kernel, by_spec(spec_of(announcement)), {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("veth7"), std::string::npos);
  RequestOptions force;
  force.force = true;
  EXPECT_TRUE(down(kernel, by_spec(spec_of(announcement)), force));
}

TEST(Engine, OfSeveralFansTheOneInUseStaysAndTheOthersGo) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  ASSERT_TRUE(up(kernel, spec_of({"241.0.0.0/8", "eth0/16"}), {}));
  LinkFact port;
  port.ifindex = 77;
  port.name = "veth7";
  port.master = kernel.facts()->link("fan-250-0-28")->ifindex + 1;
  kernel.base.links.push_back(port);
  Selector every;
  every.all = Selector::All::every;
  const auto most = down(kernel, every, {});
  ASSERT_TRUE(most) << most.error().message;
  ASSERT_EQ(most->failures.size(), 1U);
  EXPECT_NE(most->failures[0].message.find("veth7"), std::string::npos);
  EXPECT_EQ(kernel.objects.count("bridge fan-250-0-28"), 1U);
  EXPECT_EQ(kernel.objects.count("bridge fan-241-0-28"), 0U);
}

TEST(Engine, ANewOverlayThatMeetsARouteIsRefusedAndAKnownOneIsNotAskedAgain) {
  MemoryProvider kernel = host28();
  kernel.foreign_route = "250.1.0.0/16 dev tun0";
  const auto refused = up(kernel, spec_of(announcement), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorClass::host_state);
  EXPECT_NE(refused.error().message.find("tun0"), std::string::npos);
  EXPECT_EQ(kernel.transactions, 0U);
  kernel.foreign_route.reset();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  kernel.foreign_route = "250.1.0.0/16 dev tun0";
  EXPECT_TRUE(up(kernel, spec_of(announcement), {}));
}

TEST(Engine, SomethingForeignInTheWayIsNeverChanged) {
  MemoryProvider kernel = host28();
  Route theirs{*Prefix::parse("250.0.0.0/8"), *Address::parse("172.30.0.1"), "eth0", {}, 0};
  kernel.objects.emplace("route 250.0.0.0/8", Observed{theirs, false});
  const auto refused = up(kernel, spec_of(announcement), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorClass::host_state);
  EXPECT_EQ(kernel.transactions, 0U);
}

TEST(Engine, AHostThatOnlyReachesAFanHasNoBridgeAndForwardsNothing) {
  MemoryProvider kernel = host28();
  const FanSpec reach = spec_of({"250.0.0.0/8", "eth0/16", "type", "vxlan", "reach"});
  const auto made = up(kernel, reach, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(kernel.objects.count("bridge fan-250-0-28"), 0U);
  EXPECT_EQ(kernel.objects.count("address lo 250.0.28.1/32"), 1U);
  EXPECT_EQ(std::get<Sysctl>(kernel.objects.at("sysctl net/ipv4/conf/eth0/forwarding").object).value, "0");
  EXPECT_TRUE(up(kernel, reach, {})->plan.empty());
  ASSERT_TRUE(up(kernel, spec_of({"250.0.0.0/8", "eth0/16", "type", "vxlan"}), {})) << "and then it has one";
  EXPECT_EQ(kernel.objects.count("bridge fan-250-0-28"), 1U);
  EXPECT_EQ(kernel.objects.count("address lo 250.0.28.1/32"), 0U);
  ASSERT_TRUE(down(kernel, by_spec(reach), {}));
  EXPECT_EQ(kernel.objects.size(), 1U);
  EXPECT_FALSE(up(kernel, spec_of({"250.0.0.0/8", "eth0/16", "reach", "dhcp"}), {}));
}

TEST(Engine, OffAndDryRunWriteNothing) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of({"250.0.0.0/8", "eth0/16", "off"}), {}));
  RequestOptions dry;
  dry.dry_run = true;
  const auto planned = up(kernel, spec_of(announcement), dry);
  ASSERT_TRUE(planned);
  EXPECT_FALSE(planned->plan.empty());
  EXPECT_EQ(kernel.transactions, 0U);
}

// Its alias had no room for all of its options, and the record is lost.
TEST(Engine, AFanThatIsKnownInPartIsLeftAsItIsUntilItIsAskedForAnew) {
  MemoryProvider kernel = host28();
  std::vector<std::string> words{"250.0.0.0/8", "eth0/16", "type", "vxlan", "snooping", "no-nat"};
  for (int n = 2; n < 18; ++n) {
    words.insert(words.end(), {"expose", "250.0.28." + std::to_string(n)});
  }
  const FanSpec other = spec_of({"241.0.0.0/8", "eth0/16", "type", "vxlan"});
  ASSERT_TRUE(up(kernel, spec_of(words), {}));
  ASSERT_TRUE(up(kernel, other, {}));
  const ObservedSet whole = kernel.objects;
  kernel.delete_by_hand("record fan-250-0-28");
  kernel.delete_by_hand("route 241.0.0.0/8");
  const auto shown = status(kernel);
  ASSERT_TRUE(shown);
  ASSERT_EQ(shown->fans.size(), 2U);
  EXPECT_EQ(shown->fans[1].drift.size(), 1U);
  EXPECT_EQ(shown->fans[1].drift.at(0).key, "record fan-250-0-28");

  const auto repaired = up(kernel, other, {});
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(repaired->plan.size(), 1U);
  ASSERT_EQ(repaired->notes.size(), 1U);
  EXPECT_NE(repaired->notes[0].find("fanctl up 250.0.0.0/8 eth0/16"), std::string::npos) << repaired->notes[0];
  ObservedSet left = whole;
  left.erase("record fan-250-0-28");
  EXPECT_TRUE(kernel.objects == left);

  const auto made = up(kernel, spec_of(words), {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(kernel.objects == whole);
}

// Each plan as it is when those before it have been carried out.
TEST(Engine, ADryRunOfSeveralRequestsIsWhatEachWouldDo) {
  MemoryProvider dry = host28();
  MemoryProvider done = host28();
  Sequence rehearsed(dry, true);
  Sequence carried_out(done, false);
  const auto expect_the_same = [&](const Result<Outcome>& planned, const Result<Outcome>& made) {
    ASSERT_TRUE(planned) << planned.error().message;
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_EQ(planned->plan.size(), made->plan.size());
    for (std::size_t n = 0; n < made->plan.size(); ++n) {
      EXPECT_TRUE(planned->plan[n].before == made->plan[n].before) << describe(made->plan[n].object());
      EXPECT_TRUE(planned->plan[n].after == made->plan[n].after) << describe(made->plan[n].object());
    }
    EXPECT_EQ(planned->fans, made->fans);
  };
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp", "shortcut", "snooping"},
           {"241.0.0.0/8", "eth0/16", "type", "vxlan"},
           {"241.0.0.0/8", "eth0/16", "type", "vxlan"},
           {"242.0.0.0/8", "eth0/16", "type", "ipip", "accept", "vxlan", "mtu", "1400"},
           {"250.0.0.0/8", "eth0/16", "type", "vxlan", "reach"},
           {"250.0.0.0/8", "eth0/16", "type", "ipip", "host-reserve", "3", "expose", "all"}}) {
    SCOPED_TRACE(words.front());
    const FanSpec spec = spec_of(words);
    expect_the_same(rehearsed.up(spec, {}), carried_out.up(spec, {}));
  }
  for (const char* overlay : {"241.0.0.0/8", "250.0.0.0/8", "242.0.0.0/8"}) {
    Selector which;
    which.name = overlay;
    expect_the_same(rehearsed.down(which, {}), carried_out.down(which, {}));
  }
  EXPECT_EQ(dry.transactions, 0U);
}

TEST(Engine, StatusNamesWhatIsMissingAndWhatIsOfBoth) {
  MemoryProvider kernel = host28();
  ASSERT_TRUE(up(kernel, spec_of(announcement), {}));
  ASSERT_TRUE(up(kernel, spec_of({"241.0.0.0/8", "eth0/16"}), {}));
  const auto healthy = status(kernel);
  ASSERT_TRUE(healthy);
  ASSERT_EQ(healthy->fans.size(), 2U);
  EXPECT_TRUE(healthy->fans[0].drift.empty() && healthy->fans[1].drift.empty());
  kernel.delete_by_hand("route 250.0.0.0/8");
  const auto degraded = status(kernel);
  ASSERT_TRUE(degraded);
  EXPECT_TRUE(degraded->fans[0].drift.empty());
  ASSERT_EQ(degraded->fans[1].drift.size(), 1U);
  EXPECT_EQ(degraded->fans[1].drift[0].key, "route 250.0.0.0/8");
  EXPECT_EQ(degraded->fans[1].drift[0].found, "");
}

TEST(Engine, DownOfEveryFanAlsoRemovesWhatAKilledProcessLeft) {
  MemoryProvider kernel = host28();
  kernel.objects.emplace("tunnel fanip", Observed{Tunnel{"fanip", Encapsulation::ipip, 0, {}, 1480, "noqueue"}, true});
  Selector every;
  every.all = Selector::All::every;
  ASSERT_TRUE(down(kernel, every, {}));
  EXPECT_EQ(kernel.objects.count("tunnel fanip"), 0U);
}

} // namespace
} // namespace fan
