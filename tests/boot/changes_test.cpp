// What happens to a host's network and firewall while it runs: a numbered stream over the fan loses no more than one
// beside it on the bare underlay, and nobody types a command for it.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>

#include <fmt/format.h>

#include "fan_host.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

// Two streams that are looked at at the same moments differ by what is under way.
constexpr std::uint64_t under_way = 10;

std::uint64_t missing(const UdpStreamReport& report) {
  return report.lost + report.refused;
}

class Changes : public ::testing::Test {
protected:
  Changes() {
    hosts.b.file("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {\n  chain input {\n"
                                       "    type filter hook input priority filter;\n  }\n}\n");
  }

  void boot() {
    hosts.b.boot();
    EXPECT_EQ(hosts.b.booted(), "running");
    ASSERT_TRUE(hosts.b.has_fan("fan-250"));
    local.emplace(hosts.b.host(), "fan-250");
    local->address("250.0.28.2/24", gateway_of_b);
    ASSERT_TRUE(hosts.reaches(*Address::parse("250.0.28.2")));
  }

  // Both streams, while `command` runs in b and until the fan is as it should be again.
  void run(const std::string& name, const Argv& command) {
    SCOPED_TRACE(name);
    UdpStream bare(hosts.a, hosts.b.host(), *Address::parse("172.30.0.28"), UdpStreamOptions{.port = 7008});
    UdpStream over(hosts.peer, *local, *Address::parse("250.0.28.2"));
    ASSERT_TRUE(bare.reached(100) && over.reached(100));
    const auto start = std::chrono::steady_clock::now();
    hosts.b.must(command);
    EXPECT_TRUE(eventually([&] { return hosts.b.has_fan("fan-250"); }, std::chrono::seconds(30)));
    const auto whole = std::chrono::steady_clock::now() - start;
    wait_for_the_underlay();
    EXPECT_TRUE(hosts.reaches(*Address::parse("250.0.28.2"))); // both flow again when they are counted
    pause_for(std::chrono::milliseconds(200));
    const std::uint64_t over_lost = missing(over.stop());
    const std::uint64_t bare_lost = missing(bare.stop());
    std::cout << fmt::format("{}: lost over the fan {}, on the bare underlay {}; whole again after {} ms\n", name,
                             over_lost, bare_lost,
                             std::chrono::duration_cast<std::chrono::milliseconds>(whole).count());
    EXPECT_LE(over_lost, bare_lost + under_way);
  }

  // After netplan's reload and reconfigure networkd 252 takes about seven seconds to put the underlay's address back.
  void wait_for_the_underlay() {
    const Address underlay_of_b = *Address::parse("172.30.0.28");
    EXPECT_TRUE(eventually([&] { return pings(hosts.a, underlay_of_b, {}, 1); }, std::chrono::seconds(60)));
  }

  FanHost hosts;
  std::optional<Container> local;
};

TEST_F(Changes, OfTheNetwork) {
  boot();
  // netplan asks udev about devices, which wants a /sys to write to: this network namespace's.
  run("netplan apply", {"unshare", "--mount", "sh", "-c", "cd / && mount -t sysfs sysfs /sys && netplan apply"});
  run("networkctl reconfigure", {"networkctl", "reconfigure", "eth0"});
  run("networkd restarted", {"systemctl", "restart", "systemd-networkd"});
}

TEST_F(Changes, OfNftables) {
  boot();
  run("nftables started, and watched", {"systemctl", "start", "nftables"});
  run("nft -f /etc/nftables.conf", {"nft", "-f", "/etc/nftables.conf"});
  run("nft flush ruleset", {"nft", "flush", "ruleset"});
  run("nftables stopped", {"systemctl", "stop", "nftables"});
  // The units do it without the watch, too.
  hosts.b.must({"systemctl", "stop", "fanctl-watch"});
  run("nftables started", {"systemctl", "start", "nftables"});
  run("nftables reloaded", {"systemctl", "reload", "nftables"});
  run("nftables restarted", {"systemctl", "restart", "nftables"});
}

TEST_F(Changes, OfFirewalld) {
  // What docs/firewall.md says to allow, and the port of the stream beside it.
  hosts.b.file("/etc/firewalld/zones/trusted.xml",
               "<zone target=\"ACCEPT\"><source address=\"250.0.0.0/8\"/></zone>\n");
  hosts.b.file("/etc/firewalld/zones/public.xml", "<zone><port protocol=\"udp\" port=\"8472\"/>"
                                                  "<port protocol=\"udp\" port=\"7008\"/></zone>\n");
  boot();
  run("firewalld started", {"systemctl", "start", "firewalld"});
  run("firewalld reloaded", {"systemctl", "reload", "firewalld"});
  run("firewalld restarted", {"systemctl", "restart", "firewalld"});
}

} // namespace
} // namespace fan::test
