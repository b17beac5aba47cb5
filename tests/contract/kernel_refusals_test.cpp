// What the kernel refuses, in its own words: errno and extended-ACK text arrive verbatim, with a class and a hint.
#include <cerrno>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contract/kernel_test.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using KernelRefusal = KernelTest;

TEST_F(KernelRefusal, MtuAboveTheDevicesMaximum) {
  Tunnel tunnel = sample_tunnel();
  tunnel.mtu = 70000;
  const Error error = error_of(create(tunnel));
  EXPECT_EQ(error.kernel_text, "MTU must be between 68 and 65535");
  EXPECT_EQ(error.sys_errno, EINVAL);
  EXPECT_EQ(error.kind, ErrorClass::kernel);
  EXPECT_THAT(error.message, HasSubstr("create vxlan device fanvx8472: MTU must be between 68 and 65535 (EINVAL)"));
}

TEST_F(KernelRefusal, ChangeThatIsHalfPossibleIsNotDoneAtAll) {
  make({sample_bridge()});
  Bridge other = sample_bridge();
  other.mac.bytes[5] = 9;
  other.mtu = 70000;
  other.alias = "other";
  EXPECT_EQ(error_of(apply(sample_bridge(), other)).kernel_text, "mtu greater than device maximum");
  EXPECT_TRUE(is_so(sample_bridge()));
}

TEST_F(KernelRefusal, BridgeThatCannotBeFinishedIsNotLeftBehind) {
  Bridge bridge = sample_bridge();
  bridge.mtu = 70000;
  EXPECT_EQ(error_of(create(bridge)).kernel_text, "mtu greater than device maximum");
  EXPECT_EQ(facts().link(sample_bridge_name), nullptr);
  bridge.mtu = 1450;
  bridge.alias = std::string(256, 'x');
  EXPECT_EQ(error_of(create(bridge)).sys_errno, EINVAL);
  EXPECT_EQ(facts().link(sample_bridge_name), nullptr);
}

TEST_F(KernelRefusal, RouteOverADeviceThatIsDown) {
  make({sample_tunnel()});
  const Error error = error_of(create(sample_route()));
  EXPECT_EQ(error.kernel_text, "Nexthop device is not up");
  EXPECT_EQ(error.sys_errno, ENETDOWN);
  EXPECT_EQ(error.kind, ErrorClass::host_state);
}

TEST_F(KernelRefusal, RouteWithASourceThatIsNotHere) {
  make({sample_tunnel(), LinkUp{sample_tunnel_name}});
  const Error error = error_of(create(sample_route()));
  EXPECT_EQ(error.kernel_text, "Invalid prefsrc address");
  EXPECT_EQ(error.sys_errno, EINVAL);
}

TEST_F(KernelRefusal, RouteOverAnAddressOfItsOwn) {
  make_fan();
  Route route = sample_route();
  route.via = Address(0xe0000001U); // multicast
  EXPECT_EQ(error_of(create(route)).kernel_text, "Nexthop has invalid gateway");
}

TEST_F(KernelRefusal, SecondExternalVxlanOnOnePort) {
  make({sample_tunnel()});
  Tunnel second = sample_tunnel();
  second.name = "fanvxother";
  const Error error = error_of(create(second));
  EXPECT_EQ(error.kernel_text, "A VXLAN device with the specified VNI already exists");
  EXPECT_EQ(error.sys_errno, EEXIST);
  EXPECT_EQ(error.kind, ErrorClass::host_state);
  EXPECT_THAT(error.hint, HasSubstr("--port"));
}

TEST_F(KernelRefusal, NamesTheOffendingAttribute) {
  Bridge bridge = sample_bridge();
  bridge.name = "fan-0123456789ab"; // 16 characters
  const Error error = error_of(create(bridge));
  EXPECT_EQ(error.kernel_text, "Attribute failed policy validation");
  EXPECT_EQ(error.sys_errno, ERANGE);
  EXPECT_THAT(error.message, HasSubstr("attribute at byte 32")); // netlink header 16, ifinfomsg 16
}

TEST_F(KernelRefusal, UdpPortInUse) {
  make({sample_tunnel()});
  const int holder = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(8472);
  ASSERT_EQ(bind(holder, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  const Error error = error_of(create(LinkUp{sample_tunnel_name}));
  close(holder);
  EXPECT_EQ(error.sys_errno, EADDRINUSE);
  EXPECT_EQ(error.kind, ErrorClass::host_state);
  EXPECT_THAT(error.hint, HasSubstr("8472"));
}

TEST_F(KernelRefusal, NameTakenByADeviceOfAnotherKind) {
  ip({"link add " + sample_bridge_name + " type veth peer name other0"});
  const Error error = error_of(create(sample_bridge()));
  EXPECT_EQ(error.sys_errno, EEXIST);
  EXPECT_THAT(error.hint, HasSubstr("--bridge"));
}

TEST_F(KernelRefusal, WithoutPrivilege) {
  Error error;
  // In a thread of its own: the raw call changes the calling thread's user only, and takes its capabilities.
  std::thread([&] {
    ASSERT_EQ(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    error = error_of(create(sample_bridge()));
  }).join();
  EXPECT_EQ(error.kind, ErrorClass::privilege);
  EXPECT_EQ(error.sys_errno, EPERM);
  EXPECT_THAT(error.hint, HasSubstr("CAP_NET_ADMIN"));
}

TEST_F(KernelRefusal, SettingThatIsNotThere) {
  const Error error = error_of(create(Sysctl{"net/ipv4/conf/fan-nowhere/forwarding", "1"}));
  EXPECT_EQ(error.sys_errno, ENOENT);
  EXPECT_EQ(error.kind, ErrorClass::host_state);
}

TEST_F(KernelRefusal, SettingOutsideTheKernelsSettings) {
  for (const char* key :
       {"", "/", "net//ipv4", "../etc/hostname", "net/../../self/oom_score_adj", "net/ipv4/.", "net/"}) {
    EXPECT_EQ(error_of(create(Sysctl{key, "1"})).sys_errno, EINVAL) << key;
    EXPECT_FALSE(provider().observe({{}, {key}, {}, {}})) << key;
  }
}

} // namespace
} // namespace fan::test
