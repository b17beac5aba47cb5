// The host is not as it was when the fan was made, or the command before this one was killed.
#include <gtest/gtest.h>

#include "core/words.h"
#include "engine/requests.h"
#include "support/memory_provider.h"

namespace fan {
namespace {

using test::MemoryProvider;
using Words = std::vector<std::string>;

const Words plain{"250.0.0.0/8", "eth0/16", "type", "vxlan"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

MemoryProvider host27() {
  return MemoryProvider::host(*Address::parse("172.30.0.27"), 16);
}

Result<Outcome> bring_up(MemoryProvider& kernel, const Words& words) {
  auto spec = parse_words(words);
  return spec ? up(kernel, *spec, {}) : std::move(spec).error();
}

void must(MemoryProvider& kernel, const Words& words) {
  const auto done = bring_up(kernel, words);
  ASSERT_TRUE(done) << done.error().message;
}

void must_go(MemoryProvider& kernel) {
  Selector all;
  all.all = Selector::All::every;
  ASSERT_TRUE(down(kernel, all, {}));
}

template <class Kind>
Kind& object(MemoryProvider& kernel, const std::string& key) {
  return std::get<Kind>(kernel.objects.at(key).object);
}

Words drift(MemoryProvider& kernel) {
  const auto seen = status(kernel);
  EXPECT_TRUE(seen);
  Words keys;
  for (const FanStatus& fan : seen->fans) {
    for (const Drift& one : fan.drift) {
      keys.push_back(one.key);
    }
  }
  return keys;
}

void make_unreadable(MemoryProvider& kernel, const std::string& bridge) {
  const std::string of_later = "fanctl/2 something else";
  object<RecordRow>(kernel, "record " + bridge).text = of_later;
  object<Bridge>(kernel, "bridge " + bridge).alias = of_later;
}

TEST(HostChange, NothingIsTouchedWhileARecordCannotBeRead) {
  MemoryProvider kernel = host27();
  must(kernel, plain);
  make_unreadable(kernel, "fan-250-0-27");
  const ObservedSet before = kernel.objects;
  const auto another = bring_up(kernel, {"251.0.0.0/8", "eth0/16", "type", "vxlan"});
  ASSERT_FALSE(another);
  EXPECT_EQ(another.error().kind, ErrorClass::host_state);
  EXPECT_NE(another.error().message.find("version '2'"), std::string::npos) << another.error().message;
  EXPECT_NE(another.error().message.find("fan-250-0-27"), std::string::npos) << another.error().message;
  Selector all;
  all.all = Selector::All::every;
  EXPECT_FALSE(down(kernel, all, {}));
  EXPECT_TRUE(kernel.objects == before);
  const auto seen = status(kernel);
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->complete);
  EXPECT_TRUE(seen->unseen);
}

TEST(HostChange, OneOfTheTwoRecordsIsEnough) {
  MemoryProvider kernel = host27();
  must(kernel, plain);
  const ObservedSet whole = kernel.objects;
  object<Bridge>(kernel, "bridge fan-250-0-27").alias = "fanctl/2 something else";
  must(kernel, plain);
  EXPECT_TRUE(kernel.objects == whole);
  object<RecordRow>(kernel, "record fan-250-0-27").text = "fanctl/2 something else";
  must(kernel, plain);
  EXPECT_TRUE(kernel.objects == whole);
}

// A change that is killed after each of its steps; the next one finds what only the old record spoke of.
TEST(HostChange, WhatAKilledChangeWasToTakeAwayIsTakenAwayByTheNext) {
  const Words large = with(plain, {"host-reserve", "4", "snooping"});
  MemoryProvider undisturbed = host27();
  must(undisturbed, large);
  const std::size_t begin = undisturbed.transactions;
  must(undisturbed, plain);
  const std::size_t steps = undisturbed.transactions - begin;
  ASSERT_GT(steps, 3U);
  for (std::size_t step = 0; step < steps; ++step) {
    MemoryProvider kernel = host27();
    must(kernel, large);
    const std::size_t last = kernel.transactions + step;
    kernel.fail = [&](std::span<const Change>) {
      return kernel.transactions < last ? std::optional<Error>() : std::optional<Error>(Error());
    };
    EXPECT_FALSE(bring_up(kernel, plain)) << step;
    kernel.fail = nullptr;
    must(kernel, plain);
    EXPECT_TRUE(kernel.objects == undisturbed.objects) << step;
    EXPECT_EQ(drift(kernel), Words()) << step;
  }
}

TEST(HostChange, ForwardingStaysOnWhereSomebodyHasSwitchedTheWholeHostOn) {
  MemoryProvider kernel = host27();
  const auto forwarding = [&]() -> std::string& {
    return object<Sysctl>(kernel, "sysctl net/ipv4/conf/eth0/forwarding").value;
  };
  must(kernel, plain);
  kernel.base.forwarding = true;
  must_go(kernel);
  EXPECT_EQ(forwarding(), "1");

  forwarding() = "0"; // on purpose: the host forwards, and this device does not
  must(kernel, plain);
  EXPECT_EQ(forwarding(), "1");
  must_go(kernel);
  EXPECT_EQ(forwarding(), "0");
}

TEST(HostChange, EachNextHopOfTheDefaultRouteForwards) {
  MemoryProvider kernel = host27();
  LinkFact eth1;
  eth1.ifindex = 2;
  eth1.name = "eth1";
  kernel.base.links.push_back(eth1);
  const std::string key = "sysctl net/ipv4/conf/eth1/forwarding";
  kernel.objects.emplace(key, Observed{Sysctl{"net/ipv4/conf/eth1/forwarding", "0"}, false});
  kernel.base.other_hops = {"eth1"};
  must(kernel, plain);
  EXPECT_EQ(object<Sysctl>(kernel, key).value, "1");
  must_go(kernel);
  EXPECT_EQ(object<Sysctl>(kernel, key).value, "0");
}

// Whoever gets the address that this host had has its MAC, too.
TEST(HostChange, ATunnelKeepsTheMacOfAnAddressThatTheHostHasAndNoOther) {
  MemoryProvider kernel = host27();
  const auto mac = [&] { return object<Tunnel>(kernel, "tunnel fanvx8472").mac.str(); };
  must(kernel, plain);
  EXPECT_EQ(mac(), "02:fa:ac:1e:00:1b");
  kernel.base.addresses.at(0).address = *Address::parse("172.30.0.29");
  must(kernel, plain);
  EXPECT_EQ(mac(), "02:fa:ac:1e:00:1d");
  EXPECT_EQ(kernel.objects.count("neighbour fanvx8472 192.0.0.8"), 1U) << "which went with the other MAC";
  EXPECT_EQ(drift(kernel), Words());
}

TEST(HostChange, ADeviceTooSmallForIpv6HasNoSettingsOfIt) {
  const std::string key = "sysctl net/ipv6/conf/fan-250-0-27/accept_ra";
  MemoryProvider kernel = host27();
  must(kernel, with(plain, {"mtu", "1200"}));
  EXPECT_EQ(kernel.objects.count(key), 0U);
  must(kernel, with(plain, {"mtu", "1400"}));
  EXPECT_EQ(kernel.objects.count(key), 1U);
  must(kernel, with(plain, {"mtu", "1279"}));
  EXPECT_EQ(kernel.objects.count(key), 0U);
  EXPECT_EQ(drift(kernel), Words());
}

TEST(HostChange, AnAddressOnTheLoopbackDeviceIsReachedByTheWayIntoTheUnderlay) {
  MemoryProvider kernel = host27();
  LinkFact lo;
  lo.ifindex = 2;
  lo.name = "lo";
  lo.mtu = 65536;
  kernel.base.links.push_back(lo);
  kernel.base.addresses.at(0).ifindex = 2;
  kernel.base.addresses.at(0).prefix_length = 32;
  const auto done = bring_up(kernel, {"250.0.0.0/8", "172.30.0.27/16", "type", "vxlan"});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->fans.at(0).device, "eth0");
  EXPECT_EQ(done->fans.at(0).mtu, 1450U);
  EXPECT_EQ(kernel.objects.count("set underlays \"eth0\" . 172.30.0.27"), 1U);
  EXPECT_EQ(drift(kernel), Words());
  must_go(kernel);
  kernel.base.default_device.clear(); // which is the way there
  const auto refused = bring_up(kernel, {"250.0.0.0/8", "172.30.0.27/16", "type", "vxlan"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("no route into the underlay"), std::string::npos) << refused.error().message;
}

TEST(HostChange, AFanWhoseAddressIsElsewhereOrGoneIsDegraded) {
  MemoryProvider kernel = host27();
  must(kernel, plain);
  LinkFact br0;
  br0.ifindex = 2;
  br0.name = "br0";
  kernel.base.links.push_back(br0);
  kernel.base.addresses.at(0).ifindex = 2;
  EXPECT_EQ(drift(kernel), Words{"address 172.30.0.27"});
  kernel.base.addresses.at(0) = {1, *Address::parse("172.30.0.40"), 16};
  EXPECT_EQ(drift(kernel).back(), "address 172.30.0.27");
  must(kernel, plain);
  EXPECT_EQ(drift(kernel), Words()) << "the fan has moved";
}

// The confirmation is about what was asked for, not about what the host has become meanwhile.
TEST(HostChange, WhatComesWhileTheCommandWorksUndoesNothing) {
  MemoryProvider kernel = host27();
  kernel.fail = [&](std::span<const Change> changes) {
    if (std::holds_alternative<Route>(changes.front().object()) && kernel.base.addresses.size() == 1) {
      kernel.base.addresses.push_back({1, *Address::parse("172.30.9.9"), 24}); // whose broadcast is no host's
    }
    return std::optional<Error>();
  };
  must(kernel, plain);
  EXPECT_EQ(drift(kernel), (Words{"never 172.30.9.0", "never 172.30.9.255"}));
  must(kernel, plain);
  EXPECT_EQ(drift(kernel), Words());
}

// Of two servers of one address the first has to stop.
TEST(HostChange, ADhcpServerStopsBeforeAnotherListensInItsPlace) {
  MemoryProvider kernel = host27();
  must(kernel, with(plain, {"dhcp", "bridge", "one"}));
  std::string order;
  kernel.fail = [&](std::span<const Change> changes) {
    for (const Change& change : changes) {
      if (std::holds_alternative<DhcpServer>(change.object())) {
        order += key_of(change.object()) + (change.after ? " starts," : " stops,");
      }
    }
    return std::optional<Error>();
  };
  auto spec = parse_words(with(plain, {"dhcp", "bridge", "two"}));
  ASSERT_TRUE(spec);
  RequestOptions instead;
  instead.instead_of = {status(kernel)->fans.at(0).fan};
  const auto done = up(kernel, *spec, instead);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(order, "dhcp one stops,dhcp two starts,");
}

} // namespace
} // namespace fan
