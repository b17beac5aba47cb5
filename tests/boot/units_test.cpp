// The units: what they leave alone, what they put right, and the DHCP server as a unit of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "fan_host.h"

namespace fan::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* dhcp_unit = "fanctl-dhcp@fan-250.service";

TEST(Units, TheDhcpServerSurvivesAndIsStartedAgain) {
  FanHost hosts;
  hosts.b.file("/etc/fanctl/fan.yaml", std::string(fan_file) + "    dhcp: true\n");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
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

TEST(Units, TheTimerPutsRightWhatDiffersAndElseSaysNothing) {
  FanHost hosts;
  hosts.b.file("/etc/systemd/system/fanctl-apply.timer.d/often.conf",
               "[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=1\nOnUnitInactiveSec=1\nAccuracySec=100ms\n");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  const auto runs = [&] { return hosts.b.property("fanctl-apply.service", "ExecMainStartTimestampMonotonic"); };
  const Background watched({"ip", "monitor", "link", "address", "route"}, RunOptions{.netns = &hosts.b.host()});
  const Background table({"nft", "monitor"}, RunOptions{.netns = &hosts.b.host()});
  const std::string before = runs();
  ASSERT_TRUE(eventually([&] { return runs() != before; }, std::chrono::seconds(20)));
  EXPECT_EQ(table.output(), "");
  EXPECT_EQ(hosts.b.must({"journalctl", "-q", "-u", "fanctl-apply.service", "-o", "cat"}), "");

  hosts.b.must({"ip", "route", "del", "250.0.0.0/8"});
  EXPECT_TRUE(eventually([&] { return hosts.b.has_fan("fan-250"); }, std::chrono::seconds(20)));
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
  hosts.b.file("/etc/fanctl/fan.yaml", std::string(fan_file) + "    dhcp: true\n");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
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
