// What the kernel provider finds out about a host.
#include <algorithm>

#include <gmock/gmock.h>

#include "contract/kernel_test.h"

namespace fan::test {
namespace {

using HostFacts = KernelTest;

constexpr Address host_address{0xac1e001cU}; // 172.30.0.28

std::optional<AddressFact> find_address(const Facts& facts, Address address) {
  const auto found = std::find_if(facts.addresses.begin(), facts.addresses.end(),
                                  [address](const AddressFact& fact) { return fact.address == address; });
  return found == facts.addresses.end() ? std::nullopt : std::optional(*found);
}

TEST_F(HostFacts, OrdinaryDevice) {
  ip({"link set eth0 address 02:11:22:33:44:55", "link set eth0 mtu 9000", "link set eth0 alias uplink"});
  const Facts now = facts();
  const LinkFact* link = now.link("eth0");
  ASSERT_NE(link, nullptr);
  EXPECT_EQ(link->kind, "veth");
  EXPECT_TRUE(link->up);
  EXPECT_EQ(link->mtu, 9000U);
  EXPECT_EQ(link->mac.str(), "02:11:22:33:44:55");
  EXPECT_EQ(link->alias, "uplink");
  EXPECT_EQ(link->group, 0U);
  EXPECT_EQ(link->master, 0U);
  EXPECT_FALSE(link->forwarding);
  EXPECT_EQ(now.link(link->ifindex), link);
}

TEST_F(HostFacts, BridgeAndItsPort) {
  ip({"link add br0 type bridge", "link add p0 type veth peer name q0", "link set p0 master br0",
      "link set p0 group 7"});
  const Facts now = facts();
  EXPECT_EQ(now.link("br0")->kind, "bridge");
  EXPECT_FALSE(now.link("br0")->up);
  EXPECT_EQ(now.link("p0")->master, now.link("br0")->ifindex);
  EXPECT_EQ(now.link("p0")->group, 7U);
}

TEST_F(HostFacts, Tunnels) {
  ip({"link add vx0 type vxlan external dstport 8472", "link add vx1 type vxlan id 9 dstport 4789"});
  const Facts now = facts();
  EXPECT_EQ(now.link("vx0")->kind, "vxlan");
  EXPECT_TRUE(now.link("vx0")->external);
  EXPECT_EQ(now.link("vx0")->port, 8472);
  EXPECT_FALSE(now.link("vx1")->external);
  EXPECT_EQ(now.link("vx1")->port, 4789);
}

TEST_F(HostFacts, PhysicalDeviceHasNoKind) {
  EXPECT_EQ(facts().link("lo")->kind, "");
}

TEST_F(HostFacts, Addresses) {
  ip({"addr add 172.30.0.29/16 dev eth0", "addr add 10.9.9.9/32 dev lo",
      "addr add 172.31.0.1/16 dev eth0 valid_lft forever preferred_lft 0"});
  const Facts now = facts();
  const auto first = find_address(now, host_address);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->prefix_length, 16U);
  EXPECT_EQ(first->ifindex, now.link("eth0")->ifindex);
  EXPECT_FALSE(first->secondary || first->deprecated || first->host_scope);
  EXPECT_TRUE(find_address(now, Address(0xac1e001dU))->secondary);
  EXPECT_EQ(find_address(now, Address(0x0a090909U))->prefix_length, 32U);
  EXPECT_TRUE(find_address(now, Address(0xac1f0001U))->deprecated);
  EXPECT_TRUE(find_address(now, Address(0x7f000001U))->host_scope);
}

TEST_F(HostFacts, DefaultDeviceIsThatOfTheLowestMetric) {
  EXPECT_EQ(facts().default_device, "eth0");
  ip({"link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up", "addr add 10.1.0.1/16 dev eth1",
      "route add default via 10.1.0.2 dev eth1 metric 50"});
  EXPECT_EQ(facts().default_device, "eth0");
  ip({"route del default dev eth0", "route add default via 172.30.0.1 dev eth0 metric 100"});
  EXPECT_EQ(facts().default_device, "eth1");
  ip({"route del default dev eth1", "route del default dev eth0"});
  EXPECT_EQ(facts().default_device, "");
}

TEST_F(HostFacts, DefaultDeviceOfSeveralNextHops) {
  ip({"route replace default nexthop via 172.30.0.1 dev eth0 nexthop via 172.30.0.2 dev eth0"});
  EXPECT_EQ(facts().default_device, "eth0");
}

// With that setting routes say no more than the ids of the objects. Kernels before 5.8 have no such setting.
TEST_F(HostFacts, DefaultDeviceOfNextHopObjects) {
  if (!netns().sysctl("net/ipv4/nexthop_compat_mode").empty()) {
    netns().set_sysctl("net/ipv4/nexthop_compat_mode", "0");
  }
  ip({"link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up", "addr add 10.1.0.1/16 dev eth1",
      "nexthop add id 1 via 172.30.0.1 dev eth0", "nexthop add id 2 via 10.1.0.2 dev eth1",
      "nexthop add id 3 group 2/1", "route replace default nhid 1"});
  EXPECT_EQ(facts().default_device, "eth0");
  EXPECT_THAT(facts().other_hops, testing::IsEmpty());
  ip({"route replace default nhid 3"});
  EXPECT_EQ(facts().default_device, "eth1");
  EXPECT_THAT(facts().other_hops, testing::ElementsAre("eth0"));
}

TEST_F(HostFacts, DefaultDeviceIsNotThatOfARefusal) {
  ip({"route add blackhole default metric 1", "route del default dev eth0"});
  EXPECT_EQ(facts().default_device, "");
}

TEST_F(HostFacts, NoRecordsWhereNoFanIs) {
  EXPECT_THAT(facts().records, testing::IsEmpty());
  EXPECT_TRUE(facts().ipv6);
}

} // namespace
} // namespace fan::test
