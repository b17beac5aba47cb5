// Programs on real devices in a namespace of the test's own: attached, found again by another process's eyes, replaced,
// removed.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>

#include <map>

#include <bpf/bpf.h>

#include <fmt/format.h>

#include "bench.h"
#include "linux/bpf/filters.h"
#include "linux/bpf/programs.h"
#include "linux/bpf/test_run.h"
#include "support/netns.h"

namespace fan::test {
namespace {

const Prefix overlay = Prefix::of(Address(0xfa000000), 8);
const Prefix underlay = Prefix::of(Address(0xac1e0000), 16);

class ProgramsOnDevices : public testing::Test {
protected:
  ProgramsOnDevices() : inside(netns) {
    netns.ip({"link add fanvx8472 type vxlan external dstport 8472", "link add fan-250-0-28 type bridge"});
    devices = {{if_nametoindex("fanvx8472"), "fanvx8472"}, {if_nametoindex("fan-250-0-28"), "fan-250-0-28"}};
  }

  static Classifier classifier(const char* program, Direction direction, const char* device = "fanvx8472") {
    return {device, direction, program, bpf::program_build(), true};
  }
  static std::vector<Object> everything() {
    SliceRow slice{Prefix::of(Address(0xfa001c00), 24),
                   Address(0xac1e001c),
                   overlay,
                   underlay,
                   default_vni(overlay),
                   false,
                   true,
                   254,
                   true,
                   true,
                   3,
                   8472};
    return {RecordRow{"fan-250-0-28", "fanctl/1 a record"},
            MappingRow{overlay, underlay, default_vni(overlay), Encapsulation::vxlan},
            slice,
            NeverRow{Address(0xac1e00ff)},
            classifier("tunnel_in_vxlan", Direction::ingress),
            classifier("tunnel_out_vxlan", Direction::egress),
            classifier("bridge_out", Direction::egress, "fan-250-0-28")};
  }
  static void must(const Result<void>& result) {
    ASSERT_TRUE(result.ok()) << result.error().message << "\n" << result.error().kernel_text;
  }
  static void create_all(bpf::Programs& programs) {
    for (const Object& object : everything()) {
      must(programs.apply(Change{std::nullopt, object, "test"}));
    }
  }
  ObservedSet observe(bpf::Programs& programs) {
    Result<ObservedSet> seen = programs.observe(devices);
    EXPECT_TRUE(seen.ok());
    return seen.ok() ? *seen : ObservedSet{};
  }
  static void expect_everything(const ObservedSet& seen) {
    EXPECT_EQ(seen.size(), everything().size());
    for (const Object& object : everything()) {
      const auto found = seen.find(key_of(object));
      ASSERT_NE(found, seen.end()) << key_of(object);
      EXPECT_TRUE(found->second.object == object) << key_of(object);
      EXPECT_TRUE(found->second.ours);
    }
  }

  Netns netns;
  Inside inside;
  std::vector<bpf::Device> devices;
};

TEST_F(ProgramsOnDevices, WhatIsMadeIsFoundAgainByAnotherObject) {
  {
    bpf::Programs maker;
    EXPECT_TRUE(observe(maker).empty());
    create_all(maker);
    expect_everything(observe(maker));
  }
  bpf::Programs finder;
  EXPECT_TRUE(finder.maps_in_use().empty());
  expect_everything(observe(finder));
  EXPECT_EQ(finder.maps_in_use().size(), bpf::map_role_count);
  const Result<std::vector<RecordRow>> records = finder.records(devices);
  ASSERT_TRUE(records.ok());
  EXPECT_EQ(records->size(), 1U);
  EXPECT_EQ(records->at(0).text, "fanctl/1 a record");
  const Result<std::vector<bpf::Count>> counters = finder.counters(devices);
  ASSERT_TRUE(counters.ok());
  EXPECT_EQ(counters->size(), static_cast<std::size_t>(FAN_REASON_COUNT));
}

TEST_F(ProgramsOnDevices, RowsAreSeenBeforeAnythingIsAttached) {
  bpf::Programs programs;
  must(programs.apply(Change{std::nullopt, everything().at(1), "test"}));
  EXPECT_EQ(observe(programs).size(), 1U);
  bpf::Programs another;
  EXPECT_TRUE(observe(another).empty()) << "maps without a filter belong to their maker alone";
}

TEST_F(ProgramsOnDevices, AChangeWithoutObservationUsesTheMapsInUse) {
  {
    bpf::Programs maker;
    create_all(maker);
  }
  bpf::Programs second;
  Object slice = everything().at(2);
  const Object before = slice;
  std::get_if<SliceRow>(&slice)->reserve = 9;
  must(second.apply(Change{before, slice, "test"}));
  bpf::Programs third;
  EXPECT_TRUE(observe(third).at(key_of(slice)).object == slice);
}

TEST_F(ProgramsOnDevices, RemovalLeavesNothing) {
  bpf::Programs programs;
  create_all(programs);
  std::vector<Object> objects = everything();
  for (auto object = objects.rbegin(); object != objects.rend(); ++object) {
    must(programs.apply(Change{*object, std::nullopt, "test"}));
  }
  EXPECT_TRUE(observe(programs).empty());
  bpf::Programs another;
  EXPECT_TRUE(observe(another).empty());
}

TEST_F(ProgramsOnDevices, AStalePlanIsAnError) {
  bpf::Programs programs;
  create_all(programs);
  for (const Object& object : everything()) {
    const Result<void> again = programs.apply(Change{std::nullopt, object, "test"});
    ASSERT_FALSE(again.ok()) << key_of(object);
    EXPECT_EQ(again.error().kind, ErrorClass::host_state);
  }
  for (const Object& object : everything()) {
    must(programs.apply(Change{object, std::nullopt, "test"}));
    EXPECT_FALSE(programs.apply(Change{object, std::nullopt, "test"}).ok()) << key_of(object);
  }
}

TEST_F(ProgramsOnDevices, AnotherBuildIsReplacedInPlaceAndGivesUpItsRecords) {
  Bench bench;
  Result<bpf::Filters> filters = bpf::Filters::open();
  ASSERT_TRUE(filters.ok());
  must(filters->make_clsact(devices.at(0).ifindex, devices.at(0).name));
  must(filters->attach(devices.at(0).ifindex, Direction::ingress, 1, bench.program("fan_iv_00000000"), "older", false));
  bench.row(RecordRow{"fan-old", "fanctl/0 of old"});

  bpf::TestRun run{"tunnel_in_vxlan", devices.at(0), 0, Outer{}, bytes_of(Packet{}, 84)};
  const auto refused = bpf::test_run(run);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorClass::host_state);
  EXPECT_NE(refused.error().message.find("is of another fanctl (build 00000000"), std::string::npos);

  bpf::Programs programs;
  const ObservedSet seen = observe(programs);
  ASSERT_EQ(seen.size(), 1U) << "rows of another ABI are not read";
  const auto* old = std::get_if<Classifier>(&seen.begin()->second.object);
  ASSERT_NE(old, nullptr);
  EXPECT_EQ(old->build, "00000000");
  EXPECT_EQ(programs.records(devices)->at(0).text, "fanctl/0 of old");

  must(programs.apply(Change{*old, classifier("tunnel_in_vxlan", Direction::ingress), "another build"}));
  const auto list = filters->list(devices.at(0).ifindex, Direction::ingress);
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->at(0).handle, 1U);
  EXPECT_TRUE(observe(programs).at("classifier fanvx8472 ingress").object ==
              Object(classifier("tunnel_in_vxlan", Direction::ingress)));
}

// The rows that no object speaks for, because they follow from others or from where the programs are.
class RowsThatFollow : public ProgramsOnDevices {
protected:
  RowsThatFollow() {
    create_all(maker);
    EXPECT_EQ(drifted(), std::vector<std::string>{});
    for (const bpf::MapId& map : maker.maps_in_use()) {
      maps[map.name] = bpf_map_get_fd_by_id(map.id);
    }
  }
  ~RowsThatFollow() override {
    for (const auto& [name, fd] : maps) {
      close(fd);
    }
  }
  RowsThatFollow(const RowsThatFollow&) = delete;
  RowsThatFollow& operator=(const RowsThatFollow&) = delete;

  // The keys of what is not as it was made.
  std::vector<std::string> drifted() {
    bpf::Programs finder;
    const ObservedSet seen = observe(finder);
    std::vector<std::string> keys;
    for (const Object& object : everything()) {
      const auto found = seen.find(key_of(object));
      if (found == seen.end() || !(found->second.object == object)) {
        keys.push_back(key_of(object));
      }
    }
    return keys;
  }
  // What `up` does with what is seen to be another than wanted.
  void repair() {
    bpf::Programs repairer;
    const ObservedSet seen = observe(repairer);
    for (const Object& object : everything()) {
      if (const auto found = seen.find(key_of(object)); !(found->second.object == object)) {
        must(repairer.apply(Change{found->second.object, object, "altered"}));
      }
    }
  }
  void expect_seen_and_repaired(const std::string& key, const std::string& what) {
    EXPECT_EQ(drifted(), std::vector<std::string>{key}) << what;
    repair();
    EXPECT_EQ(drifted(), std::vector<std::string>{}) << what;
  }
  template <class Key>
  std::vector<std::pair<Key, __u32>> rows(const char* map) {
    std::vector<std::pair<Key, __u32>> all;
    Key key{};
    for (int more = bpf_map_get_next_key(maps.at(map), nullptr, &key); more == 0;
         more = bpf_map_get_next_key(maps.at(map), &key, &key)) {
      __u32 value = 0;
      EXPECT_EQ(bpf_map_lookup_elem(maps.at(map), &key, &value), 0);
      all.emplace_back(key, value);
    }
    return all;
  }

  bpf::Programs maker;
  std::map<std::string, int> maps;
  const std::string first = "classifier fanvx8472 ingress";
};

TEST_F(RowsThatFollow, EachKnownNetworkAndNumberIsMissed) {
  for (const auto& [key, value] : rows<fan_known_key>(FAN_MAP_KNOWN)) {
    ASSERT_EQ(bpf_map_delete_elem(maps.at(FAN_MAP_KNOWN), &key), 0);
    expect_seen_and_repaired(first, "deleted");
  }
  fan_known_key all{32, htonl(FAN_KNOWN_UNDERLAY), {}}; // any outer source at all
  const __u32 one = 1;
  ASSERT_EQ(bpf_map_update_elem(maps.at(FAN_MAP_KNOWN), &all, &one, BPF_ANY), 0);
  expect_seen_and_repaired(first, "added");
  EXPECT_EQ(rows<fan_known_key>(FAN_MAP_KNOWN).size(), 2U);
}

TEST_F(RowsThatFollow, AnOwnAddressThatBecameAnotherKindOfRowIsSeen) {
  const auto own = [&] {
    std::vector<fan_lpm_key> keys;
    for (const auto& [key, value] : rows<fan_lpm_key>(FAN_MAP_NEVER)) {
      if (value == FAN_OUT_OURSELVES) {
        keys.push_back(key);
      }
    }
    return keys;
  };
  ASSERT_EQ(own().size(), 1U);
  fan_lpm_key key = own().front();
  ASSERT_EQ(bpf_map_delete_elem(maps.at(FAN_MAP_NEVER), &key), 0);
  expect_seen_and_repaired(first, "deleted");
  const __u32 nonsense = 77; // the program would send nothing there
  key.address.words[3] = htonl(0xac1e001bU);
  ASSERT_EQ(bpf_map_update_elem(maps.at(FAN_MAP_NEVER), &key, &nonsense, BPF_ANY), 0);
  expect_seen_and_repaired(first, "a peer that is never sent to");
  const __u32 ourselves = FAN_OUT_OURSELVES;
  ASSERT_EQ(bpf_map_update_elem(maps.at(FAN_MAP_NEVER), &key, &ourselves, BPF_ANY), 0);
  expect_seen_and_repaired(first, "a peer that is said to be this host");
  EXPECT_EQ(own().size(), 1U);
}

TEST_F(RowsThatFollow, EachDeviceIsKnownForWhatItIsAndNoOtherIs) {
  netns.ip({"link add eth9 type bridge"});
  const __u32 tunnel = devices.at(0).ifindex;
  const __u32 bridge = devices.at(1).ifindex;
  const __u32 stranger = if_nametoindex("eth9");
  const __u32 as_tunnel = FAN_ROLE_TUNNEL;
  ASSERT_EQ(bpf_map_delete_elem(maps.at(FAN_MAP_DEVICES), &tunnel), 0);
  expect_seen_and_repaired(first, "a tunnel that the guard does not know");
  ASSERT_EQ(bpf_map_update_elem(maps.at(FAN_MAP_DEVICES), &bridge, &as_tunnel, BPF_ANY), 0);
  expect_seen_and_repaired("classifier fan-250-0-28 egress", "a bridge that the guard takes for a tunnel");
  ASSERT_EQ(bpf_map_update_elem(maps.at(FAN_MAP_DEVICES), &stranger, &as_tunnel, BPF_ANY), 0);
  expect_seen_and_repaired(first, "a device of somebody else's that the guard takes for a tunnel");
  EXPECT_EQ(rows<__u32>(FAN_MAP_DEVICES).size(), 2U);
}

TEST_F(ProgramsOnDevices, AForeignFilterBeforeOursIsSeenOutrunAndLeftAlone) {
  Bench bench;
  bpf::Programs programs;
  create_all(programs);
  Result<bpf::Filters> filters = bpf::Filters::open();
  ASSERT_TRUE(filters.ok());
  must(filters->attach(devices.at(0).ifindex, Direction::ingress, 7, bench.program("foreign"), "foreign", false));
  Object ours = observe(programs).at("classifier fanvx8472 ingress").object;
  ASSERT_FALSE(std::get_if<Classifier>(&ours)->first) << "cls_bpf puts the newest first";
  must(programs.apply(Change{ours, classifier("tunnel_in_vxlan", Direction::ingress), "a filter stands before it"}));
  EXPECT_TRUE(std::get_if<Classifier>(&observe(programs).at("classifier fanvx8472 ingress").object)->first);
  const auto list = filters->list(devices.at(0).ifindex, Direction::ingress);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ(list->at(1).handle, 7U);
}

TEST_F(ProgramsOnDevices, AnIngressQdiscInTheWayIsRefused) {
  const auto ingress = netns.run({"tc", "qdisc", "add", "dev", "fanvx8472", "ingress"});
  ASSERT_EQ(ingress.status, 0) << ingress.err;
  bpf::Programs programs;
  const Result<void> done =
      programs.apply(Change{std::nullopt, classifier("tunnel_out_vxlan", Direction::egress), "test"});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind, ErrorClass::host_state);
  EXPECT_EQ(done.error().message, "classifier fanvx8472 egress: a qdisc of kind ingress stands where clsact must be");
}

TEST_F(ProgramsOnDevices, ARecordThatIsTooLongIsRefused) {
  bpf::Programs programs;
  EXPECT_FALSE(
      programs.apply(Change{std::nullopt, RecordRow{"fan-250-0-28", std::string(record_max + 1, 'x')}, "test"}).ok());
  const RecordRow longest{"fan-250-0-28abc", std::string(record_max, 'x')};
  must(programs.apply(Change{std::nullopt, longest, "test"}));
  EXPECT_TRUE(observe(programs).at(key_of(longest)).object == Object(longest));
}

} // namespace
} // namespace fan::test
