// Records as the release before this one left them in the kernel of running hosts: frozen. Each has to be read, and
// said again in the same words, or `up` would write every alias anew.
#include <gtest/gtest.h>

#include "core/record.h"

namespace fan {
namespace {

TEST(ReleaseBefore, ItsRecordsAreReadAndSaidAgain) {
  for (const char* record : {
           "fanctl/1 250.0.0.0/8 eth0/16 dhcp host-reserve 1 ; host=172.30.0.28 device=eth0 mtu=1480 was=eth0:0",
           "fanctl/1 250 eth0 host-reserve 1 ; host=172.30.0.28 device=eth0 mtu=1480",
           "fanctl/1 250.0.0.0/8 172.30.0.28/16 host-reserve 3 auto bridge br0 type vxlan accept ipip vni 7 port 4789 "
           "mtu "
           "1400 no-nat expose 250.0.28.0/25 ttl-security 2 strict no-isolate origin /etc/fanctl/x.yaml ; "
           "host=172.30.0.28 device=eth0 mtu=1400 was=eth0:0 was=eth1:1",
           "fanctl/1 250.0.0.0/8 172.30.0.0/16 dhcp host-reserve 1 type vxlan pool dhcp=2-99 pool docker=128-191 "
           "lease-time "
           "90m domain fan.internal ; host=172.30.0.28 device=eth0 mtu=1450",
           "fanctl/1 250.0.0.0/8 eth0/16 host-reserve 1 type vxlan ; host=172.30.0.28 device=eth0 mtu=1450 "
           "bridge=fan-250-0-27 former=172.30.0.27",
           "fanctl/1 250.0.0.0/8 default/16 host-reserve 1 type vxlan reach ; host=172.30.0.28 device=eth0 mtu=1450",
       }) {
    const auto fan = parse_record(record);
    ASSERT_TRUE(fan.ok()) << record << ": " << fan.error().message;
    EXPECT_EQ(record_of(*fan), record);
    EXPECT_EQ(fan->spec.host_access, HostAccess::all) << "as it was";
    EXPECT_FALSE(fan->spec.block_metadata);
  }
}

} // namespace
} // namespace fan
