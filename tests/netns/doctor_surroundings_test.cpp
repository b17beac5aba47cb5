// The doctor about what lies around a fan: filters of bridged frames, routes, addresses, tunnels and servers of others.
#include <bpf/bpf.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <set>

#include <fmt/format.h>

#include "config_folder.h"
#include "doctor_host.h"
#include "fan_pair.h"

namespace fan::test {
namespace {

using DoctorOfSurroundings = Doctor;

TEST_F(DoctorOfSurroundings, ADropOfFramesBetweenTwoPortsIsFound) {
  up();
  host.set_sysctl("net/bridge/bridge-nf-call-iptables", "1");
  host.must({"nft", "table ip late { chain through { type filter hook forward priority 250; iifname \"fan-10-0-27\" "
                    "oifname \"fan-10-0-27\" drop; }\n}"});
  const cli::Json finding = only("bridged-frames", bridge);
  paste(finding);
  expect_healthy();
}

TEST_F(DoctorOfSurroundings, AStrictReversePathOverAnotherDeviceIsFound) {
  up();
  join(host, "eth1", underlay.router(), "h1b");
  underlay.router().ip({"link set h1b master sw"});
  host.ip({"address add 172.30.1.27/16 dev eth1", "route del 172.30.0.0/16 dev eth0",
           "route add 172.30.0.0/16 dev eth0 metric 10"});
  host.set_sysctl("net/ipv4/conf/all/rp_filter", "0");
  host.set_sysctl("net/ipv4/conf/eth0/rp_filter", "2");
  expect_healthy();
  host.set_sysctl("net/ipv4/conf/all/rp_filter", "1");
  host.set_sysctl("net/ipv4/conf/eth0/rp_filter", "0");
  EXPECT_EQ(only("rp-filter", "eth0")["severity"], "problem");
  expect_cured("rp-filter", "eth0");
}

// A host with two cards: its own network by one, all else by the other.
TEST_F(DoctorOfSurroundings, AWayBackToTheOwnNetworkAloneIsAWarning) {
  join(host, "eth1", underlay.router(), "h1b");
  underlay.router().ip({"link set h1b master sw"});
  host.ip({"address del 172.30.0.27/16 dev eth0", "address add 172.30.0.27/24 dev eth0",
           "address add 192.0.2.27/24 dev eth1", "route replace default via 192.0.2.1"});
  host.set_sysctl("net/ipv4/conf/all/rp_filter", "1");
  host.fanctl_must(line());
  const cli::Json finding = only("rp-filter", "eth0");
  EXPECT_EQ(finding["severity"], "warning") << finding.dump(1);
  EXPECT_TRUE(finding["fix"].is_null()) << "nothing that lets in more than there is need of";
  host.ip({"route add 172.30.0.0/16 via 172.30.0.1 dev eth0"});
  expect_healthy();
  host.ip({"route add 172.30.0.0/25 dev eth1", "route add 172.30.0.128/25 dev eth1"});
  EXPECT_EQ(only("rp-filter", "eth0")["severity"], "problem");
  expect_cured("rp-filter", "eth0");
}

TEST_F(DoctorOfSurroundings, AnUnderlayWhoseDeviceIsDownIsFound) {
  up();
  host.set_sysctl("net/ipv4/conf/all/rp_filter", "1");
  host.ip({"link set eth0 down"});
  EXPECT_EQ(only("underlay", "eth0")["severity"], "problem");
  expect_cured("underlay", "eth0");
}

TEST_F(DoctorOfSurroundings, AnUnderlayWithoutACarrierIsFound) {
  up();
  underlay.router().ip({"link set " + host.name + " down"});
  EXPECT_TRUE(only("underlay", "eth0")["fix"].is_null()) << "no line puts a cable in";
  underlay.router().ip({"link set " + host.name + " up"});
  expect_healthy();
}

TEST_F(DoctorOfSurroundings, AnUnderlayWithoutARouteIsFound) {
  host.ip({"route del default"});
  host.set_sysctl("net/ipv4/conf/all/rp_filter", "1"); // that a loose one would let nothing in either
  up();
  host.ip({"route del 172.30.0.0/16 dev eth0"});
  EXPECT_EQ(only("underlay", "eth0")["severity"], "problem");
  expect_cured("underlay", "eth0");
  EXPECT_NE(host.must({"ip", "route"}).find("172.30.0.0/16 dev eth0 proto kernel scope link src 172.30.0.27"),
            std::string::npos);
}

TEST_F(DoctorOfSurroundings, ATunnelOfAnotherOnThePortIsFound) {
  up();
  host.ip({"link add elsewhere type vxlan id 5 dstport 4789 dev eth0"});
  expect_healthy();
  host.ip({"link add other type vxlan id 5 dstport 8472 dev eth0"});
  EXPECT_EQ(only("tunnel-owner", "other")["severity"], "warning");
  expect_cured("tunnel-owner", "other");
}

// Each of them is there as soon as the module is, or as somebody asks for it.
TEST_F(DoctorOfSurroundings, ATunnelOfAnotherOverIpipIsFound) {
  if (!kernel_has(Encapsulation::ipip)) {
    GTEST_SKIP() << "no-ipip: this kernel has no ipip";
  }
  host.fanctl_must({"up", "10.0.0.0/8", "eth0/16", "type", "ipip"});
  expect_healthy();
  host.ip({"link add elsewhere type ipip local 172.30.0.99 remote 172.30.0.28"});
  expect_healthy();
  host.ip({"link add other type ipip local 172.30.0.27 remote 172.30.0.28"});
  expect_cured("tunnel-owner", "other");
  host.ip({"link set tunl0 up"});
  expect_cured("tunnel-owner", "tunl0");
  EXPECT_EQ(host.run({"ip", "link", "show", "dev", "elsewhere"}).status, 0) << "which does nothing to the fan";
}

TEST_F(DoctorOfSurroundings, ARouteToAPartOfTheOverlayIsFound) {
  up();
  host.ip({"route add 10.0.0.0/7 via 172.30.255.254", "route add 11.0.0.0/16 via 172.30.255.254"});
  expect_healthy();
  host.ip({"rule add lookup 77 priority 100"});
  for (const char* route : {"10.9.0.0/16 via 172.30.255.254 metric 7", "blackhole 10.8.0.0/16 table 77",
                            "throw 10.8.0.0/16", "10.7.0.9/32 via 172.30.255.254 table 77"}) {
    host.ip({std::string("route add ") + route});
    expect_cured("route", bridge);
  }
}

// The kernel makes one with each address.
TEST_F(DoctorOfSurroundings, AnAddressOfTheBridgeWithTooShortAPrefixIsFound) {
  up();
  host.ip({"address add 10.0.27.9/24 dev " + bridge});
  expect_healthy();
  host.ip({"address add 10.0.27.10/16 dev " + bridge});
  expect_cured("route", bridge);
}

TEST_F(DoctorOfSurroundings, ARouteToTheWholeOverlayBeforeOursIsFound) {
  up();
  for (const char* behind : {"append 10.0.0.0/8 via 172.30.255.254", "add 10.0.0.0/8 via 172.30.255.254 metric 7"}) {
    host.ip({std::string("route ") + behind});
    expect_healthy();
  }
  host.ip({"route prepend 10.0.0.0/8 via 172.30.255.253"});
  expect_cured("route", bridge);
  host.ip({"rule add lookup 77 priority 100", "route add 10.0.0.0/8 via 172.30.255.254 table 77"});
  expect_cured("route", bridge);
}

// A table that no rule of the fan's packets leads to, and a route that another one stands before.
TEST_F(DoctorOfSurroundings, ARouteThatTakesNothingAwayIsNone) {
  up();
  host.ip({"route add 10.9.0.0/16 via 172.30.255.254 table 77", "route add blackhole 10.8.0.0/16 table 78",
           "rule add iif lo fwmark 0x99 lookup 77", "route add blackhole 10.6.0.0/16 table 79",
           "rule add from 192.0.2.0/24 lookup 79"});
  for (int n = 0; n < 20; ++n) {
    host.ip({"route add 10.10." + std::to_string(n) + ".0/24 via 172.30.255.254 table 77"});
  }
  expect_healthy();
  host.ip({"route add 10.9.0.0/16 via 172.30.255.254"});
  expect_cured("route", bridge);
  host.ip({"rule add from 10.0.27.0/24 lookup 78"}); // what the endpoints send
  expect_cured("route", bridge);
}

TEST_F(DoctorOfSurroundings, ALentAddressIsANoteAndADeprecatedOneAWarning) {
  up();
  host.ip({"address change 172.30.0.27/16 dev eth0 valid_lft 3600 preferred_lft 3600"});
  EXPECT_EQ(only("address", "eth0")["severity"], "note");
  host.ip({"address change 172.30.0.27/16 dev eth0 valid_lft 3600 preferred_lft 0"});
  EXPECT_EQ(only("address", "eth0")["severity"], "warning");
  expect_cured("address", "eth0");
}

TEST_F(DoctorOfSurroundings, ASecondaryAddressIsFound) {
  host.set_sysctl("net/ipv4/conf/all/promote_secondaries", "0");
  host.set_sysctl("net/ipv4/conf/eth0/promote_secondaries", "0");
  host.ip({"address add 172.30.0.99/16 dev eth0"});
  host.fanctl_must({"up", "10.0.0.0/8", "172.30.0.99/16", "type", "vxlan"});
  expect_cured("address", "eth0");
}

TEST_F(DoctorOfSurroundings, AnAddressThatIsGoneIsFoundAndTheLineInItMovesTheFan) {
  up();
  host.ip({"address add 172.30.0.44/16 dev eth0"});
  host.set_sysctl("net/ipv4/conf/eth0/promote_secondaries", "1");
  host.ip({"address del 172.30.0.27/16 dev eth0", "route replace default via 172.30.255.254"});
  cli::Json finding = only("address", bridge);
  const std::string instead = finding["instead"];
  finding["fix"] = instead.substr(instead.find("fanctl up"));
  paste(finding);
  expect_healthy();
}

TEST_F(DoctorOfSurroundings, ANeighbourWithTheSameLowBitsIsANote) {
  up();
  host.ip({"neighbour add 172.30.0.28 lladdr 02:00:00:00:00:28 dev eth0",
           "neighbour add 172.31.0.28 lladdr 02:00:00:00:00:28 dev eth0"});
  expect_healthy();
  host.ip({"neighbour add 172.31.0.27 lladdr 02:00:00:00:00:27 dev eth0"});
  EXPECT_EQ(only("twin", bridge)["severity"], "note");
  host.ip({"neighbour del 172.31.0.27 dev eth0"});
  expect_healthy();
}

// Nothing that fanctl does leads there: an alias is what anybody may write.
TEST_F(DoctorOfSurroundings, TwoFansThatHaveAddressesInCommonAreFound) {
  up();
  host.ip({"link add fan-10-7 address 02:fa:0a:07:1b:01 group 64023 type bridge"});
  host.must({"ip", "link", "set", "dev", "fan-10-7", "alias",
             "fanctl/1 10.7.0.0/16 eth0/24 type vxlan bridge fan-10-7 ; host=172.30.0.27 device=eth0 mtu=1450"});
  expect_cured("overlap", "fan-10-7");
  EXPECT_NE(host.run({"ip", "link", "show", "dev", "fan-10-7"}).status, 0);
}

TEST_F(DoctorOfSurroundings, ADhcpServerOfAnotherOnTheBridgeIsFound) {
  for (const bool own : {false, true}) {
    up(own ? std::vector<std::string>{"dhcp"} : std::vector<std::string>{});
    RunOptions there;
    there.netns = &host;
    Background other({"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
                      "--interface=" + bridge, "--bind-dynamic", "--dhcp-range=10.0.27.2,10.0.27.9,1h",
                      "--dhcp-leasefile=/dev/null", "--pid-file", "--log-facility=-"},
                     there);
    EXPECT_TRUE(other.wait_for("IP range"));
    EXPECT_TRUE(only("dhcp", bridge)["fix"].is_null());
    other.signal(9);
    other.wait();
    expect_healthy();
  }
}

// The package that the line installs is the one that these tests have dnsmasq from.
TEST_F(DoctorOfSurroundings, ADnsmasqThatIsNotThereIsFound) {
  up({"dhcp"});
  RunOptions without;
  std::set<std::string> files;
  for (const char* folder : {"/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin"}) {
    const std::filesystem::path file = std::filesystem::path(folder) / "dnsmasq";
    if (std::filesystem::exists(file) && files.insert(std::filesystem::canonical(file)).second) {
      without.binds.emplace_back("/dev/null", *files.rbegin());
    }
  }
  ASSERT_EQ(files.size(), 1U);
  const cli::Json finding = only("dhcp", bridge, without);
  EXPECT_EQ(finding["severity"], "problem");
  EXPECT_EQ(finding["fix"], "apt-get install -y dnsmasq-base");
  EXPECT_EQ(test::must({"dpkg", "-S", *files.begin()}), "dnsmasq-base: " + *files.begin() + "\n");
  expect_healthy();
}

TEST_F(DoctorOfSurroundings, AProgramThatRunsBeforeTheFansIsFound) {
  constexpr std::uint32_t tcx_ingress = 46; // enum bpf_attach_type of 6.6
  up();
  const Inside here(host);
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  const int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", pass, 2, nullptr);
  ASSERT_GE(program, 0);
  bpf_attr attr{};
  attr.target_fd = if_nametoindex(tunnel.c_str());
  attr.attach_bpf_fd = static_cast<std::uint32_t>(program);
  attr.attach_type = tcx_ingress;
  if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) != 0) {
    close(program);
    GTEST_SKIP() << "no-tcx: this kernel has no tcx";
  }
  EXPECT_EQ(only("tcx", tunnel)["evidence"][0], "tcx program foreign");
  EXPECT_EQ(syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof attr), 0);
  close(program);
  expect_healthy();
}

// auditd's log in the place of this machine's.
class DoctorOfAudit : public Doctor {
protected:
  void write(const std::string& text) const { folder.write("audit/audit.log", text); }
  [[nodiscard]] static std::string denial(std::time_t at) {
    return fmt::format("type=AVC msg=audit({}.123:456): apparmor=\"DENIED\" operation=\"open\" profile=\"dnsmasq\" "
                       "name=\"/run/fanctl/dhcp/x\" pid=7 comm=\"dnsmasq\"\n",
                       at);
  }
  [[nodiscard]] std::string unseen() const {
    const cli::Json seen = diagnosis(within);
    for (const cli::Json& one : seen["not_looked_at"]) {
      if (one["check"] == "kernel-log" && one["why"].get<std::string>().starts_with("/var/log/audit/audit.log ")) {
        return one["why"];
      }
    }
    return "";
  }

  const ConfigFolder folder;
  RunOptions within = [this] {
    RunOptions options;
    options.binds.emplace_back(folder.path(), "/var/log");
    return options;
  }();
};

TEST_F(DoctorOfAudit, ADenialOfThisBootInAuditdsLogIsFound) {
  up({"dhcp"});
  expect_healthy(within);
  write(denial(17) + denial(std::time(nullptr)));
  const cli::Json finding = only("kernel-log", "", within);
  EXPECT_EQ(finding["severity"], "warning");
  ASSERT_EQ(finding["evidence"].size(), 1U) << "that of 1970 says nothing about now";
  write(denial(17));
  expect_healthy(within);
}

TEST_F(DoctorOfAudit, OnlyTheEndOfALongLogIsRead) {
  up({"dhcp"});
  const std::string other = "type=SYSCALL msg=audit(1.1:1): comm=\"cron\"\n";
  std::string much;
  while (much.size() < 3 << 20) {
    much += other;
  }
  write(denial(std::time(nullptr)) + much);
  expect_healthy(within);
  write(much + denial(std::time(nullptr)));
  EXPECT_EQ(only("kernel-log", "", within)["evidence"].size(), 1U);
  write(std::string(3 << 20, 'x'));
  expect_healthy(within);
}

TEST_F(DoctorOfAudit, WhatIsNoFileIsNotRead) {
  up({"dhcp"});
  folder.write("elsewhere", denial(std::time(nullptr)));
  std::filesystem::create_directory(folder.file("audit"));
  std::filesystem::create_symlink("../elsewhere", folder.file("audit/audit.log"));
  expect_healthy(within);
  EXPECT_NE(unseen().find("symbolic link"), std::string::npos) << unseen();
  folder.remove("audit/audit.log");
  ASSERT_EQ(mkfifo(folder.file("audit/audit.log").c_str(), 0600), 0);
  EXPECT_EQ(unseen(), "/var/log/audit/audit.log is not a regular file");
  folder.remove("audit/audit.log");
  EXPECT_EQ(unseen(), "");
}

TEST_F(DoctorOfSurroundings, WhatWasRefusedIsANote) {
  up();
  Container c(static_cast<const Netns&>(host), bridge);
  c.address("10.0.99.9/8", *Address::parse("10.0.27.1")); // of another host's slice
  EXPECT_FALSE(c.run({"ping", "-n", "-q", "-c", "1", "-W", "1", "10.0.27.1"}).ok());
  EXPECT_EQ(doctor({}, {}).out, "");
  const cli::Json finding = diagnosis()["findings"][0];
  EXPECT_EQ(finding["id"], "refused") << finding.dump(1);
  EXPECT_EQ(finding["severity"], "note");
}

} // namespace
} // namespace fan::test
