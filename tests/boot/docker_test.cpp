// The fan is there before Docker, so that a container that restarts by itself is back on it after a reboot.
#include <gtest/gtest.h>

#include <filesystem>

#include <fmt/format.h>

#include "booted_host.h"

namespace fan::test {
namespace {

constexpr const char* fan_file = "version: 1\nfans:\n  fan-250:\n    overlay: 250.0.0.0/8\n    underlay: eth0/16\n"
                                 "    encapsulation: vxlan\n";
constexpr const char* daemon_file =
    R"({"bridge": "fan-250", "mtu": 1450, "iptables": false, "ip6tables": false, "ip-masq": false, "ip-forward": false,
        "userland-proxy": false})";

TEST(Boot, TheFanIsThereBeforeDockerAndItsContainersComeBack) {
  Underlay underlay;
  Host& a = underlay.host("172.30.0.27/16");
  BootedHost b(underlay, "172.30.0.28/16");
  b.file("/etc/fanctl/fan.yaml", fan_file);
  b.file("/etc/docker/daemon.json", daemon_file);
  b.enable("docker.service");

  b.boot();
  EXPECT_EQ(b.booted(), "running");
  ASSERT_TRUE(b.active("fanctl.service"));
  ASSERT_TRUE(b.active("docker.service"));
  a.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
}

} // namespace
} // namespace fan::test
