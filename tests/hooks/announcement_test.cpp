// The stanza of the announcement of 2015, under the ifupdown that Debian installs: `up` and `down` lines, no hook at
// all.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "hooked_host.h"
#include "netns/fan_pair.h"

namespace fan::test {
namespace {

class Announcement : public OverEach {};
FAN_OVER_EACH(Announcement);

// ipip is what the lines mean by themselves.
std::string announced(const std::string& type, const std::string& method) {
  return "auto eth0\niface eth0 inet " + method + "    up fanctl up 250.0.0.0/8 eth0/16 dhcp" +
         (type == "ipip" ? "" : " type " + type) + "\n    down fanctl down 250.0.0.0/8 eth0/16\n";
}

TEST_P(Announcement, IfupForceAndIfdown) {
  Underlay underlay;
  HookedHost a(underlay, "172.30.0.27/16", "ifupdown");
  HookedHost b(underlay, "172.30.0.28/16", "ifupdown");
  a.interfaces(announced(type(), "static\n    address 172.30.0.27/16\n"));
  b.interfaces(announced(type(), "static\n    address 172.30.0.28/16\n"));
  a.must({"ifup", "eth0"});
  b.must({"ifup", "eth0"});
  EXPECT_EQ(b.fans(), std::vector<std::string>{"fan-250-0-28"});
  Container from(a.host, "fan-250-0-27");
  EXPECT_TRUE(from.dhcp().has_value());
  {
    Container to(b.host, "fan-250-0-28");
    const std::optional<Lease> lease = to.dhcp();
    ASSERT_TRUE(lease.has_value());
    EXPECT_TRUE(pings(from, lease->address));
    b.must({"ifup", "--force", "eth0"});
    EXPECT_TRUE(pings(from, lease->address));
  }
  b.must({"ifdown", "eth0"});
  EXPECT_EQ(b.fans(), std::vector<std::string>{});
  EXPECT_EQ(b.host.must({"ip", "-o", "link", "show", "group", "64023"}), "");
  EXPECT_EQ(b.host.must({"nft", "list", "tables"}), "");
}

// `up` runs when the lease is there.
TEST_P(Announcement, WithAnAddressByDhcp) {
  Underlay underlay;
  HookedHost b(underlay, "172.30.0.28/16", "ifupdown");
  const Background server({"dnsmasq", "--keep-in-foreground", "--no-ping", "--conf-file=/dev/null", "--port=0",
                           "--interface=sw", "--bind-interfaces", "--dhcp-range=172.30.0.28,172.30.0.28,255.255.0.0",
                           "--leasefile-ro", "--pid-file=", "--user=root"},
                          RunOptions{.netns = &underlay.router()});
  b.interfaces(announced(type(), "dhcp\n"));
  b.must({"ifup", "eth0"});
  EXPECT_EQ(b.fans(), std::vector<std::string>{"fan-250-0-28"});
  EXPECT_EQ(b.calls().size(), 1U);
  b.must({"ifup", "--force", "eth0"});
  EXPECT_EQ(b.calls().size(), 1U); // on a fan that is up
  EXPECT_EQ(b.fans(), std::vector<std::string>{"fan-250-0-28"});
  b.must({"ifdown", "eth0"});
  EXPECT_EQ(b.calls().size(), 1U);
  EXPECT_EQ(b.fans(), std::vector<std::string>{});
}

} // namespace
} // namespace fan::test
