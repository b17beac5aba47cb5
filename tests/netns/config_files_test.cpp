// What a configuration can say, on the real kernel: pools and names that containers see, netplan's IDs, networks with
// several addresses, fans by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_folder.h"
#include "fan_pair.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Config : public ::testing::Test {
protected:
  Underlay underlay;
  Host& host = underlay.host("172.30.0.27/16");
  ConfigFolder folder;

  [[nodiscard]] Outcome apply() const { return host.fanctl({"apply", "--dir", folder.path()}); }
  // The folder stands in for /etc.
  [[nodiscard]] Outcome in_etc(const std::vector<std::string>& words) const {
    RunOptions options;
    options.binds = {{folder.path(), "/etc"}};
    return host.fanctl(words, options);
  }
};

TEST_F(Config, PoolsBoundTheDhcpServerAndAreTold) {
  folder.write("a.yaml",
               yaml_fan("one", "250.0.0.0/8", ", pools: {dhcp: 200-201, docker: 128-191}, dhcp: {lease-time: 2h}"));
  const Outcome outcome = apply();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  Container c(host, "one");
  const auto lease = c.dhcp();
  ASSERT_TRUE(lease.has_value());
  EXPECT_TRUE(lease->address == *Address::parse("250.0.27.200") || lease->address == *Address::parse("250.0.27.201"))
      << lease->address.str();
  EXPECT_EQ(lease->seconds, 7200U);
  EXPECT_THAT(host.fanctl_must({"show", "-v"}),
              HasSubstr("    pools     docker 250.0.27.128/26, dhcp 250.0.27.200/31\n"));
  EXPECT_THAT(host.fanctl_must({"show", "--json"}), HasSubstr("\"cidr\": \"250.0.27.128/26\""));
  EXPECT_THAT(host.fanctl_must({"explain", "250.0.27.130"}), HasSubstr("  pool     docker\n"));
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8", ", pools: {docker: 128-255}"));
  const Outcome wrong = apply();
  EXPECT_EQ(wrong.status, 7);
  EXPECT_THAT(wrong.err, HasSubstr("a.yaml:3:3: one: pool docker=128-255: number 255 is the broadcast address"));
  EXPECT_THAT(host.fanctl_must({"show"}), HasSubstr("pool docker=128-191")) << "is as it was";
}

// Every address of the overlay has a name, on this host or another; asked by a container, as containers ask.
TEST_F(Config, NamesOfTheWholeOverlay) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8", ", dhcp: {domain: fan.internal}"));
  const Outcome outcome = apply();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  Container c(host, "one");
  ASSERT_TRUE(c.dhcp().has_value());
  const auto asked = [&](const std::string& name) { return c.run({"busybox", "nslookup", name, "250.0.27.1"}).out; };
  EXPECT_THAT(asked("ip-250-0-28-5.fan.internal"), HasSubstr("250.0.28.5"));
  EXPECT_THAT(asked("ip-250-255-1-77.fan.internal"), HasSubstr("250.255.1.77"));
  EXPECT_THAT(asked("250.0.28.5"), HasSubstr("ip-250-0-28-5.fan.internal"));
  const Outcome unknown = c.run({"busybox", "nslookup", "nobody.fan.internal", "250.0.27.1"});
  EXPECT_THAT(unknown.out + unknown.err, HasSubstr("NXDOMAIN"));
  EXPECT_THAT(host.must({"ss", "-lunH", "sport", "=", "53"}), Not(HasSubstr("172.30.0.27"))) << "on the bridge only";
  EXPECT_EQ(apply().out, "");
}

TEST_F(Config, ANetworkMayHoldSeveralAddresses) {
  host.ip({"addr add 172.30.1.5/16 dev eth0"});
  folder.write("a.yaml", "version: 1\nfans: {many: {overlay: 250, underlay: 172.30.0.0/16}}\n");
  Outcome outcome = apply();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "many: changed\n");
  const std::string shown = host.fanctl_must({"show"});
  EXPECT_THAT(shown, HasSubstr("fan-250-0-27 "));
  EXPECT_THAT(shown, HasSubstr("fan-250-1-5 "));
  EXPECT_EQ(apply().out, "");
  folder.remove("a.yaml");
  EXPECT_EQ(apply().status, 0);
  EXPECT_EQ(host.must({"ip", "-o", "link", "show", "type", "bridge"}), "");
}

// The document's own definition by MAC address; the host's by libnetplan.
TEST_F(Config, NetplansIds) {
  const std::string mac = link_field(host, "eth0", "link/ether");
  const std::string definition = "{match: {macaddress: '" + mac + "'}}";
  folder.write("a.yaml", "network:\n  version: 2\n  ethernets:\n    lan: " + definition +
                             "\n  fans:\n    one: {overlay: 250.0.0.0/8, underlay: lan/16}\n");
  const Outcome outcome = apply();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(host.fanctl_must({"show", "-v"}), HasSubstr("172.30.0.27 on eth0 (as typed: 250.0.0.0/8 eth0/16)"));
}

TEST_F(Config, NetplansIdsOfTheHost) {
  ASSERT_TRUE(host.run({"sh", "-c", "ldconfig -p | grep -q libnetplan.so"}).ok())
      << "install libnetplan1 or libnetplan0";
  const std::string mac = link_field(host, "eth0", "link/ether");
  folder.write("netplan/01.yaml", "network:\n  version: 2\n  ethernets:\n    lan: {match: {macaddress: '" + mac +
                                      "'}}\n    far: {match: {macaddress: '52:54:00:00:00:01'}}\n");
  std::filesystem::permissions(folder.file("netplan/01.yaml"), std::filesystem::perms(0600));
  folder.write("fanctl/a.yaml", "version: 1\nfans: {one: {overlay: 250.0.0.0/8, underlay: lan/16}}\n");
  Outcome outcome = in_etc({"apply"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(host.fanctl_must({"show", "-v"}), HasSubstr("172.30.0.27 on eth0"));
  folder.write("fanctl/b.yaml", "version: 1\nfans: {two: {overlay: 241.0.0.0/8, underlay: far/16}}\n");
  outcome = in_etc({"apply"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("b.yaml:2:46: underlay: netplan's 'far' matches no device of this host"));
  folder.write("fanctl/b.yaml", "version: 1\nfans: {two: {overlay: 241.0.0.0/8, underlay: none/16}}\n");
  EXPECT_THAT(in_etc({"apply"}).err, HasSubstr("device 'none' does not exist"));
}

TEST_F(Config, UpOfAConfiguredFan) {
  folder.write("fanctl/a.yaml", "version: 1\nfans:\n  one: {overlay: 250, underlay: eth0/16, mtu: 1300}\n"
                                "  two: {overlay: 241, underlay: eth0/16}\n");
  folder.write("network/fan", "242.0.0.0/8 eth0/16 bridge three type vxlan\n");
  for (const char* name : {"one", "250", "250.0.0.0/8"}) {
    const Outcome outcome = in_etc({"up", name});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
  }
  EXPECT_THAT(host.fanctl_must({"show"}), HasSubstr("host-reserve 1 auto bridge one type vxlan mtu 1300\n"));
  EXPECT_EQ(in_etc({"up", "three"}).status, 0);
  EXPECT_THAT(host.fanctl_must({"show"}), Not(HasSubstr("two")));
  EXPECT_EQ(in_etc({"up", "four"}).status, 10);
  EXPECT_EQ(in_etc({"up", "7"}).status, 2) << "an overlay without its underlay";
  EXPECT_EQ(in_etc({"apply"}).out, "two: changed\n");
}

TEST_F(Config, EnableSaysThatAFolderCannotBeMadeAndEnds) {
  std::filesystem::create_symlink("/nowhere/there", folder.file("nowhere"));
  for (const std::string& path : {folder.file("nowhere/x"), std::string("/proc/nosuch/x")}) {
    const Outcome refused = host.fanctl({"enable", "-o", "249", "-u", "eth0/16", "--dir", path});
    EXPECT_EQ(refused.status, 3) << describe({path}, refused);
    EXPECT_THAT(refused.err, HasSubstr("No such file or directory")) << path;
  }
  EXPECT_EQ(host.must({"ip", "-o", "link", "show", "type", "bridge"}), "");
}

TEST_F(Config, EnableAndFanaticOnTheRealHost) {
  const std::string fanatic = folder.file("fanatic");
  std::filesystem::create_symlink(fanctl_path(), fanatic);
  const auto run_fanatic = [&](std::vector<std::string> words) {
    words.insert(words.begin(), fanatic);
    return host.run(words);
  };
  Outcome outcome = run_fanatic({"enable-fan", "-u", "eth0/16", "-o", "250", "--dhcp", "--dir", folder.path()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(run_fanatic({"show"}).out, HasSubstr("fan-250 "));
  {
    const Container user(host, "fan-250");
    outcome = run_fanatic({"disable-fan", "-u", "eth0/16", "-o", "250", "--dir", folder.path()});
    EXPECT_EQ(outcome.status, 11);
    EXPECT_THAT(outcome.err, HasSubstr(user.port()));
    EXPECT_TRUE(std::filesystem::exists(folder.file("250.0.0.0-8_eth0-16.yaml")));
  }
  EXPECT_TRUE(eventually([&] {
    return run_fanatic({"disable-fan", "-u", "eth0/16", "-o", "250", "--dir", folder.path()}).status == 0;
  }));
  EXPECT_FALSE(std::filesystem::exists(folder.file("250.0.0.0-8_eth0-16.yaml")));
  EXPECT_EQ(host.must({"ip", "-o", "link", "show", "type", "bridge"}), "");
}

} // namespace
} // namespace fan::test
