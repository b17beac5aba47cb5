// The units: what they leave alone, what they put right, and the DHCP server as a unit of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

#include "fan_host.h"

namespace fan::test {
namespace {

using ::testing::HasSubstr;

TEST(Units, TheDhcpServerSurvivesAndIsStartedAgain) {
  FanHost hosts;
  hosts.boot_with("    dhcp: true\n");
  ASSERT_TRUE(hosts.b.active(dhcp_unit));
  const std::string first = hosts.b.property(dhcp_unit, "MainPID");
  hosts.b.must({"systemctl", "restart", "fanctl.service"});
  EXPECT_EQ(hosts.b.property(dhcp_unit, "MainPID"), first);
  hosts.b.must({"systemctl", "stop", "fanctl.service"});
  EXPECT_TRUE(hosts.b.has_fan("fan-250")); // stopping the unit is no `down`
  EXPECT_EQ(hosts.b.property(dhcp_unit, "MainPID"), first);

  hosts.b.must({"systemctl", "kill", "--signal=KILL", dhcp_unit});
  EXPECT_TRUE(eventually(
      [&] {
        const std::string now = hosts.b.property(dhcp_unit, "MainPID");
        return now != first && now != "0" && hosts.b.active(dhcp_unit);
      },
      std::chrono::seconds(20)));
  EXPECT_TRUE(hosts.b.has_fan("fan-250")); // with all of the arguments that it should have
  Container client(hosts.b.host(), "fan-250");
  EXPECT_TRUE(client.dhcp().has_value());

  hosts.b.must({"fanctl", "down", "fan-250", "--force"});
  EXPECT_EQ(hosts.b.property(dhcp_unit, "ActiveState"), "inactive");
  EXPECT_FALSE(hosts.b.run({"test", "-e", "/run/fanctl/dhcp"}).ok());
}

// At a fresh start, and with leases from before.
TEST(Units, TheDhcpServerHasJustTheCapabilitiesThatItNeeds) {
  FanHost hosts;
  hosts.boot_with("    dhcp: true\n");
  std::istringstream names(hosts.b.property(dhcp_unit, "CapabilityBoundingSet"));
  const std::vector<std::string> all(std::istream_iterator<std::string>(names), {});
  EXPECT_EQ(all.size(), 5U);
  Container client(hosts.b.host(), "fan-250");
  const auto works = [&](const std::string& missing) {
    std::string some;
    for (const std::string& one : all) {
      some += one == missing ? "" : one + " ";
    }
    hosts.b.must({"sh", "-c",
                  "mkdir -p /run/systemd/system/fanctl-dhcp@.service.d && printf "
                  "'[Service]\\nRestart=no\\nCapabilityBoundingSet=\\nCapabilityBoundingSet=" +
                      some + "\\n' >/run/systemd/system/fanctl-dhcp@.service.d/less.conf && systemctl daemon-reload"});
    hosts.b.must({"systemctl", "stop", dhcp_unit});
    hosts.b.must({"sh", "-c", "rm -f /var/lib/fanctl/*.leases"});
    for (int start = 0; start < 2; ++start) {
      const bool started = hosts.b.run({"systemctl", "restart", dhcp_unit}).ok() && hosts.b.active(dhcp_unit);
      if (!started || !client.dhcp()) {
        return false;
      }
    }
    return true;
  };
  EXPECT_TRUE(works(""));
  for (const std::string& missing : all) {
    EXPECT_FALSE(works(missing)) << missing;
  }
}

// A bridge with such a name has a server of fanctl's own, with the capabilities of whatever unit brought it up.
TEST(Units, AServerWithoutAUnitIsStartedSeenAndEndedByTheOnesThatThereAre) {
  FanHost hosts;
  hosts.b.file("/etc/fanctl/fan.yaml", "version: 1\nfans:\n  fan+1:\n    overlay: 250.0.0.0/8\n    underlay: "
                                       "eth0/16\n    encapsulation: vxlan\n    dhcp: true\n");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  ASSERT_TRUE(hosts.b.has_fan("fan+1"));
  const std::string first = hosts.b.must({"pgrep", "dnsmasq"});
  Container client(hosts.b.host(), "fan+1");
  EXPECT_TRUE(client.dhcp().has_value());
  hosts.b.must({"pkill", "-KILL", "dnsmasq"});
  EXPECT_TRUE(eventually([&] { return !hosts.b.has_fan("fan+1"); }));
  hosts.b.must({"systemctl", "start", "fanctl-apply.service"});
  EXPECT_TRUE(hosts.b.has_fan("fan+1"));
  EXPECT_NE(hosts.b.must({"pgrep", "dnsmasq"}), first);
  EXPECT_TRUE(client.dhcp().has_value()) << "with the leases from before";
  hosts.b.must({"sh", "-c", "sed -i 's/dhcp: true/dhcp: false/' /etc/fanctl/fan.yaml"});
  hosts.b.must({"systemctl", "start", "fanctl-apply.service"});
  EXPECT_FALSE(hosts.b.run({"pgrep", "dnsmasq"}).ok());
  EXPECT_TRUE(hosts.b.has_fan("fan+1"));
}

// With what its unit may do it hears them.
TEST(Units, EndpointsAreRegisteredByTheirUnit) {
  FanHost hosts;
  hosts.boot_with("    dhcp: true\n    proxy-arp: true\n");
  // The file may be a link.
  hosts.b.must({"sh", "-c", "mv /etc/fanctl/fan.yaml /etc/fan.yaml && ln -s ../fan.yaml /etc/fanctl/fan.yaml"});
  hosts.b.must({"systemctl", "start", "fanctl-endpoints.service"});
  Container client(hosts.b.host(), "fan-250");
  client.address("250.0.28.9/24", gateway_of_b);
  EXPECT_TRUE(eventually([&] {
    (void)pings(client, gateway_of_b, {}, 1);
    return hosts.b.must({"fanctl", "endpoint", "list"}).find("250.0.28.9") != std::string::npos;
  })) << hosts.b.must({"journalctl", "-q", "-u", "fanctl-endpoints.service", "-o", "cat"});
  // A further address of it, after which its port is asked.
  client.ip({"address add 250.0.28.10/24 dev eth0"});
  EXPECT_TRUE(eventually([&] {
    (void)client.run({"sh", "-c", "ip neigh flush dev eth0; ping -c 1 -W 1 -I 250.0.28.10 250.0.28.1"});
    return hosts.b.must({"fanctl", "endpoint", "list"}).find("250.0.28.10") != std::string::npos;
  }));
  EXPECT_EQ(hosts.b.property("fanctl-endpoints.service", "NRestarts"), "0");
}

// The rule that Docker's chain for users has to have, with what that unit may do.
TEST(Units, DockersRuleIsPutBackByItsUnit) {
  FanHost hosts;
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  hosts.b.must({"fanctl", "docker", "enable", "fan-250"});
  for (const std::string iptables : {"iptables-nft", "iptables-legacy"}) {
    hosts.b.must({"update-alternatives", "--set", "iptables", "/usr/sbin/" + iptables});
    hosts.b.must({"sh", "-c", iptables + " -N DOCKER-USER || " + iptables + " -F DOCKER-USER"});
    hosts.b.must({"systemctl", "start", "fanctl-docker.service"});
    EXPECT_THAT(hosts.b.run({iptables, "-S", "DOCKER-USER"}).out, HasSubstr("250.0.0.0/8")) << iptables;
  }
}

TEST(Units, TheDhcpServersOwnWordsAreToldWhenItCannotStart) {
  FanHost hosts;
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  const Background other({"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root"},
                         RunOptions{.netns = &hosts.b.host()});
  ASSERT_TRUE(eventually([&] { return hosts.b.must({"ss", "-lun"}).find("0.0.0.0:53") != std::string::npos; }));
  hosts.b.must({"sh", "-c", "echo '    dhcp: true' >>/etc/fanctl/fan.yaml"});
  const Outcome failed = hosts.b.run({"fanctl", "apply"});
  EXPECT_FALSE(failed.ok());
  EXPECT_THAT(failed.err, HasSubstr("Address already in use"));
  EXPECT_EQ(hosts.b.property(dhcp_unit, "ActiveState"), "inactive"); // and is not tried again and again
}

// It has children that wait, and a DHCP server that it may have started has to stay.
TEST(Units, TheWatchThatIsStoppedLeavesNobodyBehind) {
  FanHost hosts;
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  const auto watchers = [&] { return hosts.b.run({"pgrep", "-c", "-f", "nft monitor|watch-ruleset"}).out; };
  ASSERT_TRUE(eventually([&] { return watchers() == "3\n"; })) << watchers();
  hosts.b.must({"systemctl", "restart", "fanctl-watch.service"});
  EXPECT_TRUE(eventually([&] { return watchers() == "3\n"; })) << watchers();
  hosts.b.must({"systemctl", "stop", "fanctl-watch.service"});
  EXPECT_EQ(hosts.b.property("fanctl-watch.service", "Result"), "success");
  EXPECT_TRUE(eventually([&] { return watchers() == "0\n"; })) << watchers();
}

// As one of ifupdown's is: in no file of fanctl's.
TEST(Units, AFanBroughtUpByHandGetsItsFirewallBackToo) {
  FanHost hosts;
  hosts.b.file("/etc/fanctl/fan.yaml", "version: 1\n");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  hosts.b.must({"fanctl", "up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  ASSERT_TRUE(hosts.b.has_fan("fan-250-0-28"));
  hosts.b.must({"nft", "flush", "ruleset"});
  EXPECT_TRUE(eventually([&] { return hosts.b.has_fan("fan-250-0-28"); }, std::chrono::seconds(30)));
  hosts.b.must({"fanctl", "down", "fan-250-0-28"}); // and that is no flush
  hosts.b.must({"systemctl", "start", "fanctl-apply.service"});
  EXPECT_FALSE(hosts.b.run({"ip", "link", "show", "fan-250-0-28"}).ok());
}

// Waits until a run of the timer's unit ends that has not ended yet.
bool next_run_ended(const BootedHost& host) {
  const auto end = [&] { return host.property("fanctl-apply.service", "ExecMainExitTimestampMonotonic"); };
  const std::string before = end();
  return eventually([&] {
    const std::string now = end(); // 0 while it runs
    return now != "0" && now != before;
  });
}

std::string lines_without(const std::string& text, const std::vector<std::string>& parts) {
  std::istringstream lines(text);
  std::string left;
  for (std::string line; std::getline(lines, line);) {
    const bool has_one = std::any_of(parts.begin(), parts.end(),
                                     [&](const std::string& part) { return line.find(part) != std::string::npos; });
    left += has_one || line.empty() ? "" : line + "\n";
  }
  return left;
}

TEST(Units, TheTimerPutsRightWhatDiffersAndElseSaysNothing) {
  FanHost hosts;
  hosts.b.file("/etc/systemd/system/fanctl-apply.timer.d/often.conf",
               "[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=1\nOnUnitInactiveSec=1\nAccuracySec=100ms\n");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  Background links({"ip", "-o", "monitor", "link", "address", "route"}, RunOptions{.netns = &hosts.b.host()});
  Background tables({"nft", "monitor"}, RunOptions{.netns = &hosts.b.host()});
  // Both see what is done before and after, and in between nothing.
  const auto mark = [&](const std::string& name, const std::string& address) {
    return eventually([&] {
      hosts.b.must({"ip", "address", "replace", address + "/32", "dev", "lo"});
      hosts.b.must({"nft", "add table ip " + name + "; delete table ip " + name});
      return links.output().find(address) != std::string::npos && tables.output().find(name) != std::string::npos;
    });
  };
  ASSERT_TRUE(mark("mark_before", "127.0.0.98")) << links.output() << tables.output();
  for (int run = 0; run < 2; ++run) { // the first may have been under way
    ASSERT_TRUE(next_run_ended(hosts.b));
  }
  ASSERT_TRUE(mark("mark_after", "127.0.0.99")) << links.output() << tables.output();
  EXPECT_EQ(lines_without(links.output(), {"127.0.0.9"}), "");
  EXPECT_EQ(lines_without(tables.output(), {"mark_", "(nft)"}), "");
  EXPECT_EQ(hosts.b.must({"journalctl", "-q", "-u", "fanctl-apply.service", "-o", "cat"}), "");

  hosts.b.must({"ip", "route", "del", "250.0.0.0/8"});
  EXPECT_TRUE(eventually([&] { return hosts.b.has_fan("fan-250"); }, std::chrono::seconds(20)));
  ASSERT_TRUE(next_run_ended(hosts.b)); // which the one that put it right has done before
  EXPECT_THAT(hosts.b.must({"journalctl", "-q", "-u", "fanctl-apply.service", "-o", "cat"}),
              HasSubstr("fan-250: changed"));
  EXPECT_TRUE(hosts.reaches(gateway_of_b));
}

// The second is systemd's own measure of what a unit may do, from 0 (nothing) to 10 (all).
TEST(Units, AreUnderstoodBySystemdAndMayDoLittle) {
  FanHost hosts;
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  for (const std::string unit :
       {"fanctl.service", "fanctl-apply.service", "fanctl-apply.timer", "fanctl-watch.service",
        "fanctl-endpoints.service", "fanctl-reload@.service", "fanctl-dhcp@.service", "fanctl-metrics.socket",
        "fanctl-metrics@.service", "fanctl-metrics-file.service", "fanctl-metrics-file.timer"}) {
    const Outcome verified = hosts.b.run({"systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/" + unit});
    EXPECT_TRUE(verified.ok()) << unit;
    EXPECT_EQ(verified.err, "") << unit;
  }
  for (const std::string unit :
       {"fanctl.service", "fanctl-apply.service", "fanctl-watch.service", "fanctl-endpoints.service", dhcp_unit}) {
    EXPECT_TRUE(hosts.b.run({"systemd-analyze", "security", "--no-pager", "--threshold=50", unit}).ok()) << unit;
  }
}

// With the privileges of its unit it sees everything, the DHCP server too, and speaks to whoever asks.
TEST(Units, MetricsAreThereForWhoAsks) {
  FanHost hosts;
  hosts.boot_with("    dhcp: true\n");
  hosts.b.must({"systemctl", "start", "fanctl-metrics.socket"});
  const std::string answer =
      hosts.b.must({"bash", "-c",
                    "exec 3<>/dev/tcp/127.0.0.1/19250; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; "
                    "cat <&3"});
  EXPECT_THAT(answer, HasSubstr("HTTP/1.0 200 OK"));
  EXPECT_THAT(answer, HasSubstr("fanctl_fans 1\n"));
  for (const std::string part : {"counters", "devices", "fans", "objects", "refused"}) {
    EXPECT_THAT(answer, HasSubstr("fanctl_scrape_success{part=\"" + part + "\"} 1\n"));
  }
  EXPECT_THAT(answer, HasSubstr("fanctl_fan_degraded{bridge=\"fan-250\"} 0\n"));
  EXPECT_THAT(answer, HasSubstr("fanctl_dhcp_server_up{bridge=\"fan-250\"} 1\n"));
  hosts.b.must({"mkdir", "-p", "/var/lib/prometheus/node-exporter"});
  hosts.b.must({"systemctl", "start", "fanctl-metrics-file.service"});
  EXPECT_THAT(hosts.b.must({"cat", "/var/lib/prometheus/node-exporter/fanctl.prom"}), HasSubstr("fanctl_fans 1\n"));
}

} // namespace
} // namespace fan::test
