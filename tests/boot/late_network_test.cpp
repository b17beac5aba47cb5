// An underlay that comes after the boot: nothing waits for it for long, and the fan comes up with it.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>

#include "fan_host.h"

namespace fan::test {
namespace {

// The switch's port of b.
void set_cable(const FanHost& hosts, BootedHost& b, const std::string& state) {
  hosts.underlay.router().ip({"link set " + b.host().name + " " + state});
}

void without_the_timer(BootedHost& host) {
  host.file("/etc/systemd/system/fanctl-apply.timer.d/never.conf",
            "[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=1d\n");
}

// Milliseconds from the plugging in of the cable to the first answer of b's gateway.
long time_to_fan(FanHost& hosts) {
  const auto start = std::chrono::steady_clock::now();
  set_cable(hosts, hosts.b, "up");
  EXPECT_TRUE(hosts.reaches(gateway_of_b));
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
}

void boot_without_cable(FanHost& hosts) {
  without_the_timer(hosts.b);
  hosts.b.file("/etc/systemd/system/fanctl.service.d/wait.conf", "[Service]\nEnvironment=FANCTL_BOOT_WAIT=1\n");
  set_cable(hosts, hosts.b, "down");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "degraded"); // the fan is not up, and its unit says so
  EXPECT_EQ(hosts.b.property("fanctl.service", "ActiveState"), "failed");
  EXPECT_TRUE(hosts.b.active("multi-user.target"));
  EXPECT_FALSE(hosts.b.has_fan("fan-250"));
}

TEST(LateNetwork, WithNetworkdTheFanComesUpWithTheLink) {
  FanHost hosts;
  boot_without_cable(hosts);
  std::cout << "from link-up to a working fan, networkd: " << time_to_fan(hosts) << " ms\n";
}

TEST(LateNetwork, WithNetworkManagerTheFanComesUpWithTheLink) {
  FanHost hosts;
  hosts.b.file("/etc/netplan/20-renderer.yaml", "network: {version: 2, renderer: NetworkManager}\n");
  hosts.b.enable("NetworkManager.service");
  boot_without_cable(hosts);
  std::cout << "from link-up to a working fan, NetworkManager: " << time_to_fan(hosts) << " ms\n";
  EXPECT_TRUE(hosts.b.must({"nmcli", "-t", "-f", "DEVICE,STATE", "device"}).find("fan-250:unmanaged") !=
              std::string::npos);
}

// The address is there within the time that the unit waits: the boot goes on when the fan is up.
TEST(LateNetwork, TheBootWaitsAShortWhile) {
  FanHost hosts;
  without_the_timer(hosts.b);
  set_cable(hosts, hosts.b, "down");
  hosts.b.boot();
  ASSERT_TRUE(eventually([&] { return hosts.b.property("fanctl.service", "ActiveState") == "activating"; },
                         std::chrono::seconds(30)));
  set_cable(hosts, hosts.b, "up");
  EXPECT_EQ(hosts.b.booted(), "running");
  EXPECT_TRUE(hosts.b.has_fan("fan-250"));
}

} // namespace
} // namespace fan::test
