// What only a kernel shows about our devices: signs, pinned MTU, qdiscs, addresses that hang on each other, entries
// that it learned itself.
#include <cerrno>

#include <gmock/gmock.h>

#include "contract/kernel_test.h"

namespace fan::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

using Device = KernelTest;

TEST_F(Device, HalfMadeBridgeIsOurs) {
  ip({"link add fan-250-0-28 group 64023 address 02:fa:fa:00:1c:01 type bridge"});
  const auto found = find("bridge fan-250-0-28");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->ours);
  EXPECT_EQ(std::get<Bridge>(found->object).alias, "");
  EXPECT_TRUE(remove(found->object));
  EXPECT_FALSE(find("bridge fan-250-0-28"));
}

TEST_F(Device, GroupOrMacAloneIsNoSign) {
  ip({"link add fan-250-0-28 group 64023 address 02:00:00:00:00:01 type bridge"});
  EXPECT_FALSE(find("bridge fan-250-0-28")->ours);
  ip({"link del fan-250-0-28", "link add fan-250-0-28 address 02:fa:fa:00:1c:01 type bridge"});
  EXPECT_FALSE(find("bridge fan-250-0-28")->ours);
}

TEST_F(Device, TunnelThatIsNotExternalIsNotOurs) {
  ip({"link add fanvx8472 group 64023 address 02:fa:ac:1e:00:1c type vxlan id 5 dstport 8472"});
  EXPECT_FALSE(find("tunnel fanvx8472")->ours);
}

TEST_F(Device, OursIsSeenWithoutBeingAskedFor) {
  make({sample_tunnel(), sample_bridge()});
  const auto seen = provider().observe({});
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->at("bridge fan-250-0-28").ours);
  EXPECT_TRUE(seen->at("tunnel fanvx8472").ours);
}

TEST_F(Device, OfOthersIsNeitherChangedNorRemoved) {
  ip({"link add fan-250-0-28 type bridge"});
  const Object foreign = find("bridge fan-250-0-28")->object;
  EXPECT_EQ(error_of(remove(foreign)).kind, ErrorClass::host_state);
  EXPECT_EQ(error_of(apply(foreign, sample_bridge())).kind, ErrorClass::host_state);
  EXPECT_TRUE(is_so(foreign));
}

class PinnedMtu : public KernelTest, public testing::WithParamInterface<std::uint32_t> {};

TEST_P(PinnedMtu, DoesNotFollowPorts) {
  Bridge bridge = sample_bridge();
  bridge.mtu = GetParam();
  make({bridge});
  ip({"link add p0 mtu 1280 type veth peer name q0", "link set p0 master fan-250-0-28"});
  EXPECT_TRUE(is_so(bridge));
  ip({"link set p0 mtu 1300"});
  EXPECT_TRUE(is_so(bridge));
  ip({"link del p0"});
  EXPECT_TRUE(is_so(bridge));
}

// 1500 is what a bridge has anyway, 1499 and 1501 are next to what it is created with.
INSTANTIATE_TEST_SUITE_P(Device, PinnedMtu, testing::Values(1450U, 1499U, 1500U, 1501U, 8950U));

TEST_F(Device, TunnelHasNoQueueBeforeAndAfterItIsUp) {
  make({sample_tunnel()});
  EXPECT_TRUE(is_so(sample_tunnel()));
  make({LinkUp{sample_tunnel_name}});
  EXPECT_TRUE(is_so(sample_tunnel()));
  EXPECT_THAT(must({"ip", "link", "show", "fanvx8472"}), testing::HasSubstr("qdisc noqueue"));
}

TEST_F(Device, QueueOnTheTunnelIsSeenAndTakenAway) {
  make({sample_tunnel(), LinkUp{sample_tunnel_name}});
  must({"tc", "qdisc", "replace", "dev", "fanvx8472", "root", "pfifo"});
  Tunnel queued = sample_tunnel();
  queued.qdisc = "pfifo";
  EXPECT_TRUE(is_so(queued));
  ASSERT_TRUE(apply(queued, sample_tunnel()));
  EXPECT_TRUE(is_so(sample_tunnel()));
  ASSERT_TRUE(apply(sample_tunnel(), queued)); // undone
  EXPECT_TRUE(is_so(queued));
}

TEST_F(Device, TakingTheQueueAwayLeavesFiltersAlone) {
  make({sample_tunnel(), LinkUp{sample_tunnel_name}});
  must({"tc", "qdisc", "add", "dev", "fanvx8472", "clsact"});
  must({"tc", "qdisc", "replace", "dev", "fanvx8472", "root", "pfifo"});
  ASSERT_TRUE(apply(find("tunnel fanvx8472")->object, sample_tunnel()));
  EXPECT_THAT(must({"tc", "qdisc", "show", "dev", "fanvx8472"}), testing::HasSubstr("clsact"));
}

TEST_F(Device, ChangesWhileItIsUp) {
  make_fan();
  Tunnel tunnel = sample_tunnel();
  tunnel.mac.bytes[5] = 9;
  tunnel.mtu = 1400;
  EXPECT_TRUE(apply(sample_tunnel(), tunnel));
  EXPECT_TRUE(is_so(tunnel));
  Bridge bridge = sample_bridge();
  bridge.mac.bytes[5] = 9;
  bridge.mtu = 1400;
  EXPECT_TRUE(apply(sample_bridge(), bridge));
  EXPECT_TRUE(is_so(bridge));
}

TEST_F(Device, TunnelIsExternalAndDoesNotLearn) {
  make({sample_tunnel()});
  const std::string shown = must({"ip", "-d", "link", "show", "fanvx8472"});
  EXPECT_THAT(shown, testing::ContainsRegex("vxlan .*external")); // iproute2 6.15 says more between them
  EXPECT_THAT(shown, testing::HasSubstr("dstport 8472"));
  EXPECT_THAT(shown, testing::HasSubstr("nolearning"));
}

TEST_F(Device, RemovingTheFirstAddressLeavesTheOthers) {
  const InterfaceAddress second{sample_bridge_name, Address(0xfa001c02U), 24};
  const InterfaceAddress third{sample_bridge_name, Address(0xfa001c03U), 24};
  make({sample_bridge(), sample_address(), second, third});
  ASSERT_TRUE(remove(sample_address()));
  EXPECT_FALSE(is_so(sample_address()));
  EXPECT_TRUE(is_so(second));
  EXPECT_TRUE(is_so(third));
}

TEST_F(Device, RemovingTheFirstAddressLeavesWhatOthersSetAsItWas) {
  make({sample_bridge(), sample_address()});
  const std::string device = sample_bridge_name;
  ip({"address add 250.0.28.9/24 dev " + device + " label " + device +
      ":x broadcast 250.0.28.255 valid_lft 9000 "
      "preferred_lft 5000 noprefixroute"});
  ASSERT_TRUE(remove(sample_address()));
  const std::string left = must({"ip", "-o", "address", "show", "dev", device});
  EXPECT_THAT(left, AllOf(HasSubstr("inet 250.0.28.9/24 brd 250.0.28.255"), HasSubstr(device + ":x"),
                          HasSubstr("noprefixroute"), ContainsRegex("valid_lft [89]...sec"),
                          ContainsRegex("preferred_lft [45]...sec")));
}

TEST_F(Device, ARouteToTheNetworkIsMadeForAnAddressAndTakenAway) {
  make({sample_bridge(), sample_address(), LinkUp{sample_bridge_name}});
  InterfaceAddress alone = sample_address();
  alone.connected = false;
  const auto routes = [&] { return must({"ip", "route", "show", "dev", sample_bridge_name}); };
  const std::string made_by_the_kernel = routes();
  EXPECT_TRUE(is_so(sample_address()));
  ASSERT_TRUE(apply(sample_address(), alone));
  EXPECT_TRUE(is_so(alone));
  EXPECT_EQ(routes(), "");
  EXPECT_EQ(error_of(apply(sample_address(), alone)).sys_errno, ESRCH);
  ASSERT_TRUE(apply(alone, sample_address()));
  EXPECT_TRUE(is_so(sample_address()));
  EXPECT_EQ(routes(), made_by_the_kernel);
  EXPECT_EQ(error_of(apply(alone, sample_address())).sys_errno, EEXIST);
}

TEST_F(Device, NeighbourThatTheKernelLearnedIsReplaced) {
  make({sample_tunnel(), LinkUp{sample_tunnel_name}});
  ip({"neigh add 192.0.0.8 lladdr 02:00:00:00:00:09 nud reachable dev fanvx8472"});
  EXPECT_FALSE(find("neighbour fanvx8472 192.0.0.8"));
  EXPECT_EQ(error_of(remove(sample_neighbour())).sys_errno, ENOENT);
  make({sample_neighbour()});
  EXPECT_TRUE(is_so(sample_neighbour()));
}

TEST_F(Device, NameWithADot) {
  ip({"link add eth0.10 type veth peer name far10"});
  const std::string key = "net/ipv4/conf/eth0.10/forwarding";
  ASSERT_TRUE(create(Sysctl{key, "1"}));
  EXPECT_TRUE(facts().link("eth0.10")->forwarding);
  const auto seen = provider().observe({{}, {key, "net/ipv4/conf/eth0.11/forwarding"}, {}, {}});
  ASSERT_TRUE(seen);
  EXPECT_EQ(std::get<Sysctl>(seen->at("sysctl " + key).object).value, "1");
  EXPECT_EQ(seen->count("sysctl net/ipv4/conf/eth0.11/forwarding"), 0U);
}

} // namespace
} // namespace fan::test
