// A PATH whose first folder holds programs of the names that fanctl has a use for: none of them is run.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_folder.h"
#include "fan_pair.h"

namespace fan::test {
namespace {

class PoisonedPath : public ::testing::Test {
protected:
  PoisonedPath() {
    for (const char* name : {"arping",       "bash",
                             "bpftool",      "bridge",
                             "busybox",      "cat",
                             "conntrack",    "dbus-send",
                             "dnsmasq",      "docker",
                             "dockerd",      "ebtables",
                             "env",          "ethtool",
                             "fanatic",      "fanctl",
                             "find",         "firewall-cmd",
                             "grep",         "id",
                             "ip",           "ip6tables",
                             "iptables",     "iptables-legacy",
                             "iptables-nft", "iptables-save",
                             "kmod",         "lxc",
                             "lxc-info",     "ls",
                             "lxd",          "modprobe",
                             "netplan",      "networkctl",
                             "nft",          "nmcli",
                             "ping",         "ps",
                             "sed",          "sh",
                             "ss",           "sysctl",
                             "systemctl",    "systemd-run",
                             "tc",           "udevadm",
                             "uname",        "which"}) {
      plant(name);
    }
    poisoned_.env = {"PATH=" + folder_.path() + ":/usr/sbin:/usr/bin:/sbin:/bin"};
  }

  // Such a program leaves a mark, and does as told all the same: it must not be missed because it failed.
  void plant(const std::string& name) const {
    folder_.write(name, "#!/bin/sh\necho \"${0##*/} $*\" >>" + marks() +
                            "\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec \"${0##*/}\" \"$@\"\n");
    std::filesystem::permissions(folder_.file(name), std::filesystem::perms(0755));
  }
  [[nodiscard]] std::string marks() const { return folder_.file("marks"); }
  [[nodiscard]] std::string run_from_there() const {
    std::ifstream file(marks());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void expect_none(const Host& host, const std::vector<std::string>& words) {
    const Outcome ran = host.fanctl(words, poisoned_);
    EXPECT_THAT(ran.status, testing::AnyOf(0, 13, 14)) << describe(words, ran); // what doctor finds is its status
    EXPECT_EQ(run_from_there(), "") << describe(words, ran);
  }

  ConfigFolder folder_;
  RunOptions poisoned_;
};
TEST_F(PoisonedPath, RunsNothingFromIt) {
  const ConfigFolder configuration;
  configuration.write("fans.yaml", yaml_fan("b", "242.0.0.0/8", ", dhcp: true, encapsulation: vxlan"));
  FanPair fans("vxlan");
  const Host& host = fans.a;
  expect_none(host, fans.line("up", {"dhcp"}));
  const Container container(host, "fan-250-0-27");
  expect_none(host, {"show"});
  expect_none(host, {"show", "-v", "--json", "--stats", "--refused"});
  expect_none(host, {"doctor", "-v"});
  expect_none(host, {"doctor", "--peer", "172.30.0.28"});
  expect_none(host, {"explain", "250.0.28.1"});
  expect_none(host, {"trace", "250.0.27.2", "250.0.28.2"});
  expect_none(host, {"metrics"});
  expect_none(host, {"endpoint", "list"});
  expect_none(
      host, {"endpoint", "add", "--port", container.port(), "--address", "250.0.27.2", "--mac", container.mac().str()});
  expect_none(host, {"apply", "--dir", configuration.path()});
  expect_none(host, {"show", "--check"});
  expect_none(host, fans.line("up", {"dhcp", "mtu", "1300"})); // a server is started anew
  expect_none(host, fans.line("up"));                          // and stopped
  expect_none(host, {"down", "242.0.0.0/8", "eth0/16"});
  expect_none(host, {"down", "-e", "--force"});
}

// What is planted would be run by whoever searches.
TEST_F(PoisonedPath, IsOneThatIsRun) {
  const Netns here;
  EXPECT_TRUE(here.run({"/usr/bin/env", "nft", "list", "tables"}, poisoned_).ok());
  EXPECT_EQ(run_from_there(), "nft list tables\n");
}

} // namespace
} // namespace fan::test
