// What `fanctl doctor` prints to be pasted, pasted where the programs that it is about really run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_host.h"
#include "fanctl/output/json.h"

namespace fan::test {
namespace {

using ::testing::HasSubstr;

class BootedDoctor : public ::testing::Test {
protected:
  void boot() {
    hosts.b.boot();
    EXPECT_EQ(hosts.b.booted(), "running");
    ASSERT_TRUE(hosts.b.has_fan("fan-250"));
  }

  // The findings of one check.
  [[nodiscard]] std::vector<cli::Json> found(const std::string& id) const {
    const Outcome ran = hosts.b.run({"fanctl", "doctor", "--json"});
    const cli::Json document = cli::Json::parse(ran.out, nullptr, false);
    EXPECT_TRUE(document.contains("findings")) << ran.out << ran.err;
    std::vector<cli::Json> findings;
    for (const cli::Json& one : document.value("findings", cli::Json::array())) {
      if (one["id"] == id) {
        findings.push_back(one);
      }
    }
    return findings;
  }

  void paste(const cli::Json& finding) const {
    ASSERT_TRUE(finding["fix"].is_string()) << finding.dump(1);
    hosts.b.must({"sh", "-c", finding["fix"].get<std::string>()});
  }

  FanHost hosts;
};

// A file that takes everything which is called like a fan does what the finding says, and after the lines that are
// printed it does no more: not when networkd is told to read its files, not when it starts again, and with routes of
// others managed, as they are where nobody says otherwise (networkd.conf(5), ManageForeignRoutes=).
TEST_F(BootedDoctor, TheLinesForNetworkdLetTheFanBe) {
  boot();
  EXPECT_EQ(found("networkd"), std::vector<cli::Json>{});
  hosts.b.must({"sh", "-c",
                "mkdir -p /etc/systemd/network && printf '[Match]\\nName=fan*\\n[Network]\\nLinkLocalAddressing=no\\n' "
                ">/etc/systemd/network/01-all.network && networkctl reload"});
  EXPECT_TRUE(eventually([&] { return !hosts.b.has_fan("fan-250"); }, std::chrono::seconds(30)));
  const std::vector<cli::Json> findings = found("networkd");
  ASSERT_EQ(findings.size(), 2U);
  for (const cli::Json& finding : findings) {
    paste(finding);
  }
  EXPECT_EQ(found("networkd"), std::vector<cli::Json>{});
  hosts.b.must({"fanctl", "apply"});
  ASSERT_TRUE(hosts.b.has_fan("fan-250"));
  for (const Argv& shake : {Argv{"networkctl", "reload"}, Argv{"systemctl", "restart", "systemd-networkd"},
                            Argv{"networkctl", "reconfigure", "eth0"}}) {
    hosts.b.must(shake);
    hosts.b.must({"/lib/systemd/systemd-networkd-wait-online", "--interface=eth0", "--timeout=30"});
    for (const char* device : {"fan-250", "fanvx8472"}) {
      EXPECT_THAT(hosts.b.must({"networkctl", "list", "--no-legend", device}), HasSubstr("unmanaged"));
    }
    EXPECT_TRUE(hosts.b.has_fan("fan-250")) << shake.front() << " " << shake.back();
  }
}

TEST_F(BootedDoctor, TheLinesForNetworkManagerLetTheFanBe) {
  boot();
  hosts.b.must({"sh", "-c", "mkdir -p /etc/NetworkManager/conf.d && touch /etc/NetworkManager/conf.d/50-fanctl.conf"});
  hosts.b.must({"systemctl", "start", "NetworkManager.service"});
  const auto is_unmanaged = [&](const std::string& device) {
    return hosts.b.must({"nmcli", "-g", "GENERAL.STATE", "device", "show", device}).find("unmanaged") !=
           std::string::npos;
  };
  EXPECT_FALSE(is_unmanaged("fan-250"));
  const std::vector<cli::Json> findings = found("network-manager");
  ASSERT_EQ(findings.size(), 2U);
  for (const cli::Json& finding : findings) {
    paste(finding);
    const std::string device = finding["subject"];
    EXPECT_TRUE(eventually([&] { return is_unmanaged(device); })) << device;
  }
  EXPECT_EQ(found("network-manager"), std::vector<cli::Json>{});
  EXPECT_TRUE(hosts.b.has_fan("fan-250"));
}

TEST_F(BootedDoctor, TheLineForTheUnitsBringsTheFanUpAtBoot) {
  boot();
  EXPECT_EQ(found("units"), std::vector<cli::Json>{});
  // The last one's hook brings fans up as well.
  hosts.b.must({"systemctl", "disable", "fanctl.service", "fanctl-apply.timer", "fanctl-watch.service",
                "networkd-dispatcher.service"});
  hosts.b.reboot();
  EXPECT_EQ(hosts.b.booted(), "running");
  EXPECT_FALSE(hosts.b.has_fan("fan-250"));
  const std::vector<cli::Json> findings = found("units");
  ASSERT_EQ(findings.size(), 1U);
  paste(findings[0]);
  EXPECT_EQ(found("units"), std::vector<cli::Json>{});
  EXPECT_TRUE(hosts.b.has_fan("fan-250"));
  hosts.b.reboot();
  EXPECT_EQ(hosts.b.booted(), "running");
  EXPECT_TRUE(hosts.b.has_fan("fan-250"));
  EXPECT_TRUE(hosts.b.active("fanctl-watch.service"));
}

TEST_F(BootedDoctor, TheLineForDockerGivesItsContainersTheFansMtu) {
  boot();
  hosts.b.must({"sh", "-c",
                "mkdir -p /etc/docker && echo '{\"bridge\": \"fan-250\", \"iptables\": false, \"ip6tables\": false, "
                "\"default-address-pools\": [{\"base\": \"192.168.0.0/16\", \"size\": 24}]}' "
                ">/etc/docker/daemon.json"});
  hosts.b.must({"systemctl", "start", "docker.service"});
  hosts.b.must({"docker", "import", "/srv/box.tar", "box"});
  const Argv mtu_of_container{
      "docker", "run", "--rm", "box", "sh", "-c", "read mtu </sys/class/net/eth0/mtu; echo $mtu"};
  EXPECT_EQ(hosts.b.must(mtu_of_container), "1500\n");
  const std::vector<cli::Json> findings = found("docker");
  ASSERT_EQ(findings.size(), 1U);
  paste(findings[0]);
  EXPECT_EQ(found("docker"), std::vector<cli::Json>{});
  EXPECT_EQ(hosts.b.must(mtu_of_container), "1450\n");
}

} // namespace
} // namespace fan::test
