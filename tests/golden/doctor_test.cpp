// What `doctor` prints, as text and as JSON, over a host in memory; its statuses; and its table in docs/doctor.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "doctor/check.h"
#include "golden.h"
#include "schema.h"

namespace fan::test {
namespace {

cli::Json diagnosis(MemoryWorld& world) {
  const cli::Json root = cli::Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json"));
  const Ran ran = run(world, {"doctor", "--json"});
  cli::Json document = cli::Json::parse(ran.out);
  EXPECT_EQ(complaints(root, root["$defs"]["doctor"], document, "", true), std::vector<std::string>{}) << ran.out;
  return document;
}

TEST(Doctor, PrintsNothingWhereAllIsWell) {
  MemoryWorld world;
  Ran ran = run(world, {"doctor"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.err, "");
  ASSERT_EQ(run(world, {"up", "10", "eth0"}).status, 0);
  ran = run(world, {"doctor"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.err, "");
}

TEST(Doctor, VerboseListsWhatWasLookedAtAndANoteIsNoFault) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  EXPECT_EQ(run(world, {"doctor"}).out, "");
  const Ran ran = run(world, {"doctor", "-v"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.rfind("note reserved-space fan-250-0-28: ", 0), 0U) << ran.out;
  for (const doctor::Check& check : doctor::checks()) {
    EXPECT_NE(ran.out.find(fmt::format("\nlooked at: {}: ", check.id)), std::string::npos) << check.id;
  }
}

TEST(Doctor, AProblemHasItsStatusItsEvidenceAndTheLineThatHelps) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  world.host.delete_by_hand("route 250.0.0.0/8");
  const Ran ran = run(world, {"doctor"});
  EXPECT_EQ(ran.status, 14);
  expect_golden("doctor-drift.txt", ran.out);
  const cli::Json document = diagnosis(world);
  ASSERT_EQ(document["findings"].size(), 2U);
  EXPECT_EQ(document["findings"][0]["id"], "drift");
  EXPECT_EQ(document["findings"][0]["fix"], "fanctl up 250 eth0 host-reserve 1");
}

TEST(Doctor, WhatCannotBeLookedAtIsSaid) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  world.host.base.records_known = false;
  EXPECT_EQ(run(world, {"doctor"}).out, "");
  EXPECT_NE(run(world, {"doctor", "-v"}).out.find("not looked at: drift: "), std::string::npos);
  const cli::Json unseen = diagnosis(world)["not_looked_at"];
  ASSERT_EQ(unseen.size(), 1U);
  EXPECT_EQ(unseen[0]["check"], "drift");
}

TEST(Doctor, OneFanAloneIsLookedAt) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  ASSERT_EQ(run(world, {"up", "251", "eth0"}).status, 0);
  world.host.delete_by_hand("route 250.0.0.0/8");
  EXPECT_EQ(run(world, {"doctor", "251"}).status, 0);
  EXPECT_EQ(run(world, {"doctor", "250"}).status, 14);
  EXPECT_EQ(run(world, {"doctor", "252"}).status, 10);
  EXPECT_EQ(run(world, {"doctor", "--check"}).status, 2);
}

// A name is never a command.
TEST(Doctor, ADeviceOfAnyNameIsOneWordOfTheFix) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "10", "eth0"}).status, 0);
  LinkFact port;
  port.ifindex = 77;
  port.name = "x;$(reboot)'";
  port.kind = "veth";
  port.mtu = 1280;
  port.master = world.host.facts()->link("fan-10-0-28")->ifindex + 1; // a device more moves the bridge's number
  world.host.base.links.push_back(port);
  const cli::Json findings = diagnosis(world)["findings"];
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0]["id"], "mtu");
  EXPECT_EQ(findings[0]["fix"], "ip link set dev 'x;$(reboot)'\\''' mtu 1480");
}

// Each is what one check looks at, as bad as it gets, on a host that cannot be had in a test.
class DoctorOf : public ::testing::Test {
protected:
  void up(const std::vector<std::string>& words = {}) {
    std::vector<std::string> line{"up", "10", "eth0"};
    line.insert(line.end(), words.begin(), words.end());
    ASSERT_EQ(run(world, line).status, 0);
    EXPECT_EQ(diagnosis(world)["findings"], cli::Json::array());
  }

  // The one finding there is.
  cli::Json only(const std::string& id, const std::string& severity) {
    cli::Json findings = diagnosis(world)["findings"];
    EXPECT_EQ(findings.size(), 1U) << findings.dump(1);
    cli::Json finding = findings.empty() ? cli::Json{{"id", ""},
                                                     {"severity", ""},
                                                     {"fix", ""},
                                                     {"subject", ""},
                                                     {"evidence", cli::Json::array({"", ""})}}
                                         : findings[0];
    EXPECT_EQ(finding["id"], id);
    EXPECT_EQ(finding["severity"], severity);
    return finding;
  }

  std::string& file(const std::string& path) { return world.source.files[path]; }

  MemoryWorld world;
};

TEST_F(DoctorOf, AnUnderlayWithoutACarrierOrARoute) {
  up();
  world.source.has_carrier = false;
  EXPECT_TRUE(only("underlay", "problem")["fix"].is_null());
  world.source.has_carrier = true;
  world.source.way_back.reset();
  EXPECT_EQ(only("underlay", "problem")["fix"],
            "ip route add 172.30.0.0/16 dev eth0 proto kernel scope link src 172.30.0.28");
  MisleadingRule misleading;
  misleading.rule = PolicyRule{.priority = 100, .action = RuleAction::unreachable};
  misleading.packets = {MisledPacket{.probe = {.bound = Bound::underlay}}};
  world.host.misleading = {misleading};
  EXPECT_EQ(only("policy-rule", "problem")["fix"], "ip rule add fwmark 0xfa70000 lookup main priority 99")
      << "there the rule is to blame";
}

// Of tunnel packets that take another way nobody knows whether they arrive.
TEST_F(DoctorOf, ARuleThatMisleadsPacketsIsAProblemOrAWarning) {
  up();
  MisleadingRule misleading;
  misleading.rule = PolicyRule{.priority = 100, .action = RuleAction::table, .table = 77};
  MisledPacket packet;
  packet.way = "default dev tun0 table 77";
  misleading.packets = {packet};
  world.host.misleading = {misleading};
  EXPECT_EQ(only("policy-rule", "problem")["fix"], "ip rule add to 10.0.0.0/8 lookup main priority 99");
  world.host.misleading[0].packets[0].probe.bound = Bound::underlay;
  EXPECT_TRUE(only("policy-rule", "warning")["fix"].is_null());
  world.host.misleading[0].packets[0].way.clear();
  EXPECT_EQ(only("policy-rule", "problem")["fix"], "ip rule add fwmark 0xfa70000 lookup main priority 99");
}

TEST_F(DoctorOf, ATableOfConnectionsThatIsNearlyFull) {
  up();
  file("/proc/sys/net/netfilter/nf_conntrack_max") = "1000\n";
  file("/proc/sys/net/netfilter/nf_conntrack_count") = "899\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  file("/proc/sys/net/netfilter/nf_conntrack_count") = "900\n";
  EXPECT_EQ(only("conntrack", "warning")["fix"], "sysctl -w net/netfilter/nf_conntrack_max=4000");
  EXPECT_EQ(run(world, {"doctor"}).status, 13);
  file("/proc/sys/net/netfilter/nf_conntrack_max") = "4000\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
}

TEST_F(DoctorOf, ATableOfNeighboursThatIsNearlyFull) {
  up();
  file("/proc/sys/net/ipv4/neigh/default/gc_thresh3") = "10\n";
  file("/proc/net/stat/arp_cache") = "entries allocs\n00000008 00000099\n00000008 00000001\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  file("/proc/net/stat/arp_cache") = "entries allocs\n00000011 00000099\n00000011 00000001\n"; // 17
  for (int n = 0; n < 8; ++n) {
    file("/proc/net/arp") += fmt::format("10.0.28.{} 0x1 0x6 02:00:00:00:00:01 * fan-10-0-28\n", n);
  }
  EXPECT_EQ(only("neighbours", "warning")["fix"], "sysctl -w net/ipv4/neigh/default/gc_thresh3=40");
  file("/proc/net/arp") +=
      "10.0.28.9 0x1 0x6 02:00:00:00:00:01 * fan-10-0-28\n"; // permanent: the limit is not about it
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  world.source.files.erase("/proc/net/stat/arp_cache");
  EXPECT_EQ(diagnosis(world)["not_looked_at"][0]["check"], "neighbours");
  world.source.files.erase("/proc/sys/net/ipv4/neigh/default/gc_thresh3");
  const cli::Json unseen = diagnosis(world)["not_looked_at"];
  ASSERT_EQ(unseen.size(), 1U);
  EXPECT_EQ(unseen[0]["check"], "neighbours");
}

void add_ports(MemoryWorld& world, std::size_t count) {
  const std::uint32_t bridge = world.host.facts()->link("fan-10-0-28")->ifindex + static_cast<std::uint32_t>(count);
  for (std::size_t n = 0; n < count; ++n) {
    LinkFact port;
    port.ifindex = 5000 + static_cast<std::uint32_t>(n);
    port.name = fmt::format("v{}", n);
    port.mtu = 1500;
    port.master = bridge; // devices more move the bridge's number
    world.host.base.links.push_back(port);
  }
}

TEST_F(DoctorOf, MorePortsThanTheBacklogHolds) {
  up();
  add_ports(world, 300);
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  file("/proc/sys/net/core/netdev_max_backlog") = "299\n";
  EXPECT_EQ(only("ports", "warning")["fix"], "sysctl -w net/core/netdev_max_backlog=1200");
}

TEST_F(DoctorOf, NearlyAsManyPortsAsABridgeCanHave) {
  up();
  add_ports(world, 921);
  EXPECT_TRUE(only("ports", "warning")["fix"].is_null());
}

TEST_F(DoctorOf, ANetworkdThatTakesTheFansDevices) {
  up();
  file("/etc/systemd/network/10-all.network") = "[Match]\nName=*\n\n[Network]\nDHCP=yes\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0) << "networkd does not run";
  file("/run/systemd/netif/state") = "";
  const cli::Json findings = diagnosis(world)["findings"];
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0]["id"], "networkd");
  EXPECT_EQ(findings[0]["subject"], "fan-10-0-28");
  EXPECT_EQ(findings[1]["subject"], "fanip");
  EXPECT_EQ(findings[1]["fix"], "printf '[Match]\\nName=fanip\\n[Link]\\nUnmanaged=yes\\n' > "
                                "/etc/systemd/network/00-fanctl-fanip.network && networkctl reload");
  file("/usr/lib/systemd/network/05-fanctl.network") =
      read_text(std::string(SOURCE_DIR) + "/systemd/network/05-fanctl.network");
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  file("/etc/systemd/network/05-fanctl.network") = ""; // stands in the place of ours
  EXPECT_EQ(run(world, {"doctor"}).status, 14);
}

// A file matches when all that it says does.
TEST_F(DoctorOf, ANetworkdTakesWhatAllOfAMatchIsAbout) {
  up();
  file("/run/systemd/netif/state") = "";
  std::string& text = file("/etc/systemd/network/10-all.network");
  for (const char* other :
       {"Name=*\nType=wlan", "Kind=!*\nName=*", "Type=ether", "Name=!fan*", "Name=*\nMACAddress=02:00:00:00:00:09",
        "Name=fan*\nName=", "#Name=*", "Name=!fan* eth*", "Host=here\nName=*"}) {
    text = fmt::format("[Match]\n{}\n[Network]\nDHCP=yes\n", other);
    EXPECT_EQ(run(world, {"doctor"}).status, 0) << text;
  }
  for (const char* bridges :
       {"Type=bridge", "Kind=br*\nName=*", "Type=!ether tunnel", "Name=fan-*\nType=!wlan", "Name=eth*\nName=fan-*"}) {
    text = fmt::format("[Match]\n{}\n[Network]\nDHCP=yes\n", bridges);
    EXPECT_EQ(only("networkd", "problem")["subject"], "fan-10-0-28") << text;
  }
  text = "[Match]\nType=tunnel\n";
  EXPECT_EQ(only("networkd", "problem")["subject"], "fanip");
}

TEST_F(DoctorOf, TheFileForNetworkdIsReadBeforeTheOneThatMatches) {
  up();
  file("/run/systemd/netif/state") = "";
  const std::string words = "[Match]\nName=fanip\n";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"00-default", "0-fanctl-fanip"}, {"00-zero", "00-fanctl-fanip"}, {"0-a", "+fanctl-fanip"}};
  for (const auto& [there, ours] : cases) {
    const std::string path = "/etc/systemd/network/" + there + ".network";
    file(path) = words;
    EXPECT_NE(only("networkd", "problem")["fix"].dump().find("/" + ours + ".network"), std::string::npos) << there;
    world.source.files.erase(path);
  }
  file("/etc/systemd/network/!.network") = words;
  EXPECT_TRUE(only("networkd", "problem")["fix"].is_null());
}

// NetworkManager.conf(5): packages' files, then those of /run, then NetworkManager.conf, then those of /etc.
TEST_F(DoctorOf, WhatNetworkManagerIsToldLastCounts) {
  up();
  file("/run/NetworkManager/devices/1") = "";
  const auto unmanaged = [&](const std::string& path, const std::string& line) {
    file("/" + path) = "[keyfile]\nunmanaged-devices" + line + "\n";
  };
  unmanaged("usr/lib/NetworkManager/conf.d/50-fanctl.conf", "+=interface-name:fan*");
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  unmanaged("usr/lib/NetworkManager/conf.d/10-others.conf", "=interface-name:eth9"); // read before
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  unmanaged("run/NetworkManager/conf.d/00-here.conf", "=interface-name:eth9");
  EXPECT_EQ(run(world, {"doctor"}).status, 13);
  file("/etc/NetworkManager/conf.d/00-here.conf") = ""; // in its place
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  unmanaged("etc/NetworkManager/NetworkManager.conf", "=type:wifi");
  EXPECT_EQ(run(world, {"doctor"}).status, 13);
  unmanaged("etc/NetworkManager/conf.d/20-fan.conf", "+=interface-name:=fan-10-0-28;type:ip-tunnel");
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  unmanaged("etc/NetworkManager/conf.d/30-no.conf", "-=type:ip-tunnel");
  EXPECT_EQ(only("network-manager", "warning")["subject"], "fanip");
  unmanaged("etc/NetworkManager/conf.d/yes.conf", "=*,except:interface-name:fanip");
  EXPECT_TRUE(only("network-manager", "warning")["fix"].is_null());
  unmanaged("etc/NetworkManager/conf.d/yes.conf", "=none");
  EXPECT_NE(diagnosis(world)["findings"][0]["fix"].dump().find("/zz-fanctl-fan-10-0-28.conf"), std::string::npos);
  const Facts facts = *world.host.facts();
  for (const LinkFact& link : facts.links) {
    file(fmt::format("/run/udev/data/n{}", link.ifindex)) = "I:123\nE:NM_UNMANAGED=1\nG:systemd\n";
  }
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
}

TEST_F(DoctorOf, ANetworkManagerThatMayTakeTheFansDevices) {
  up();
  file("/run/NetworkManager/devices/1") = "";
  const cli::Json findings = diagnosis(world)["findings"];
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0]["id"], "network-manager");
  EXPECT_EQ(findings[0]["severity"], "warning");
  file("/usr/lib/NetworkManager/conf.d/fanctl.conf") =
      read_text(std::string(SOURCE_DIR) + "/systemd/dispatcher/networkmanager.conf");
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
}

TEST_F(DoctorOf, AConfigurationThatIsNotEnabledAndUnitsWithoutOne) {
  up();
  file("/run/systemd/system/x") = "";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  file("/etc/network/fan") = "# 10 eth0\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  file("/etc/network/fan") += "10 eth0\n";
  EXPECT_EQ(only("units", "warning")["fix"],
            "systemctl enable --now fanctl.service fanctl-apply.timer fanctl-watch.service");
  file("/etc/systemd/system/multi-user.target.wants/fanctl.service") = "";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  world.source.files.erase("/etc/network/fan");
  only("units", "note");
}

TEST_F(DoctorOf, ADockerWithTooLargeAnMtu) {
  up();
  world.docker = R"({"bridge": "fan-10-0-28", "default-address-pools": [{"base": "192.168.0.0/16", "size": 24}]})";
  EXPECT_EQ(only("docker", "problem")["fix"], "fanctl docker enable fan-10-0-28 && systemctl restart docker");
  world.docker =
      R"({"bridge": "fan-10-0-28", "mtu": 1480, "default-address-pools": [{"base": "192.168.0.0/16", "size": 24}]})";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
}

TEST_F(DoctorOf, DockersPoolsInTheUnderlay) {
  up();
  world.docker = ""; // its own pools hold 172.30.0.0/16
  const cli::Json finding = only("docker", "warning");
  EXPECT_NE(finding["evidence"][0].get<std::string>().find("default-address-pools"), std::string::npos);
}

TEST_F(DoctorOf, ADnsmasqThatIsNotInstalled) {
  up({"dhcp"});
  world.source.dnsmasq = "";
  EXPECT_EQ(only("dhcp", "problem")["fix"], "apt-get install -y dnsmasq-base");
}

TEST_F(DoctorOf, AKernelThatRefusesAProgram) {
  up();
  Error refused = make_error(ErrorClass::kernel, "load the BPF programs: Invalid argument");
  refused.kernel_text = "R1 invalid mem access 'scalar'";
  world.source.trials = {{"tunnel_in_ipip", std::nullopt}, {"bridge_out", refused}};
  const cli::Json finding = only("bpf", "problem");
  EXPECT_EQ(finding["subject"], "bridge_out");
  EXPECT_NE(finding["evidence"][0].get<std::string>().find("invalid mem access"), std::string::npos);
}

TEST_F(DoctorOf, ADenialInTheKernelsLog) {
  up({"dhcp"});
  world.source.log = "<5>[1.0] audit: apparmor=\"DENIED\" profile=\"firefox\"\n<6>[2.0] dnsmasq is happy\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0);
  world.source.log += "<5>[3.0] audit: apparmor=\"DENIED\" operation=\"open\" comm=\"dnsmasq\" \x1b[2J\n";
  EXPECT_EQ(only("kernel-log", "warning")["evidence"].size(), 1U);
  EXPECT_EQ(run(world, {"doctor"}).out.find('\x1b'), std::string::npos);
}

TEST_F(DoctorOf, ADnsmasqOfOthersIsNoMatterOfTheFans) {
  up();
  world.source.log = "<5>[3.0] audit: apparmor=\"DENIED\" operation=\"open\" comm=\"dnsmasq\"\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0) << "no fan has a DHCP server";
  world.source.log += "<5>[4.0] audit: apparmor=\"DENIED\" operation=\"open\" comm=\"fanctl\"\n";
  EXPECT_EQ(only("kernel-log", "warning")["evidence"].size(), 1U);
}

TEST_F(DoctorOf, ADenialInAuditdsLog) {
  up({"dhcp"});
  const std::string old = R"(type=AVC msg=audit(1000.5:1): apparmor="DENIED" profile="/usr/sbin/dnsmasq")";
  const std::string now = R"(type=AVC msg=audit(2000.5:2): apparmor="DENIED" profile="/usr/sbin/dnsmasq")";
  file("/proc/stat") = "cpu 1 2 3\nbtime 2000\nprocesses 9\n";
  world.source.audit = old + "\n";
  EXPECT_EQ(run(world, {"doctor"}).status, 0) << "it may be allowed since this boot";
  *world.source.audit += now + "\n";
  EXPECT_EQ(only("kernel-log", "warning")["evidence"], cli::Json::array({now}));
  world.source.log = "<5>[1.0] audit: type=1400 audit(2000.5:2): apparmor=\"DENIED\" comm=\"dnsmasq\"\n";
  EXPECT_EQ(only("kernel-log", "warning")["evidence"].size(), 1U) << "one event, in both logs";
}

TEST_F(DoctorOf, WhoWasRefusedMost) {
  up();
  world.counts = {{"in-accepted", "received", false, 99, 99}, {"in-vni", "VNI of no fan here", true, 3, 150}};
  world.peers = {{"in-vni", Address(0xac1e001bU), Address(0x0a001b02U), Address(0x0a001c02U), 3, 61000}};
  const cli::Json finding = only("refused", "note");
  EXPECT_EQ(finding["subject"], "in-vni");
  EXPECT_EQ(finding["evidence"][1], "most from host 172.30.0.27: inner source 10.0.27.2, inner destination 10.0.28.2");
}

TEST_F(DoctorOf, TwoFansThatHaveAddressesInCommon) {
  up();
  LinkFact bridge;
  bridge.ifindex = 900;
  bridge.name = "fan-10-7";
  bridge.kind = "bridge";
  bridge.group = link_group;
  bridge.alias = "fanctl/1 10.7.0.0/16 eth0/24 type vxlan bridge fan-10-7 ; host=172.30.0.28 device=eth0 mtu=1450";
  world.host.base.links.push_back(bridge);
  const cli::Json seen = diagnosis(world)["findings"];
  bool found = false;
  for (const cli::Json& finding : seen) {
    found = found || (finding["id"] == "overlap" && finding["fix"] == "fanctl down fan-10-7");
  }
  EXPECT_TRUE(found) << seen.dump(1);
}

TEST(Doctor, TheManualHasARowForEveryCheckInTheirOrder) {
  std::string rows = "| check | looks at |\n|---|---|\n";
  for (const doctor::Check& check : doctor::checks()) {
    rows += fmt::format("| `{}` | {} |\n", check.id, check.looks_at);
  }
  EXPECT_NE(read_text(std::string(SOURCE_DIR) + "/docs/doctor.md").find(rows), std::string::npos) << rows;
}

} // namespace
} // namespace fan::test
