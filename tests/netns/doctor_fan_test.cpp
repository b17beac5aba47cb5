// The doctor about the fan itself and what carries it: objects, filters of others, the chain of MTUs.
#include <gmock/gmock.h>

#include "doctor_host.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

class DoctorOfFan : public Doctor {
protected:
  // The first of those that there are, all of this check.
  [[nodiscard]] cli::Json only_of_firewall() const {
    const cli::Json seen = diagnosis();
    for (const cli::Json& finding : seen["findings"]) {
      EXPECT_EQ(finding["id"], "firewall") << finding.dump(1);
    }
    return seen["findings"].empty() ? cli::Json{{"fix", "false"}} : seen["findings"][0];
  }
};

TEST_F(DoctorOfFan, WithoutAFanNothingIsFound) {
  expect_healthy();
  EXPECT_EQ(doctor({}, {}).out + doctor({}, {}).err, "");
}

TEST_F(DoctorOfFan, ADeletedRouteIsDrift) {
  up();
  host.must({"ip", "route", "del", "10.0.0.0/8"});
  const cli::Json finding = only("drift", bridge);
  EXPECT_EQ(finding["evidence"].size(), 1U);
  paste(finding);
  expect_healthy();
}

TEST_F(DoctorOfFan, ForwardingThatWasSwitchedOffIsDrift) {
  up();
  host.set_sysctl("net/ipv4/conf/eth0/forwarding", "0");
  expect_cured("drift", bridge);
}

TEST_F(DoctorOfFan, AQueueOfAnotherOnTheTunnelIsDrift) {
  up();
  host.must({"tc", "qdisc", "add", "dev", tunnel, "root", "pfifo"});
  expect_cured("drift", bridge);
  EXPECT_EQ(host.must({"tc", "qdisc", "show", "dev", tunnel}).find("pfifo"), std::string::npos);
}

TEST_F(DoctorOfFan, AFilterOfAnotherBeforeTheFansIsDrift) {
  up();
  for (const char* direction : {"ingress", "egress"}) {
    host.must({"tc", "filter", "add", "dev", tunnel, direction, "pref", "1", "protocol", "all", "bpf", "bytecode",
               "1,6 0 0 4294967295", "classid", "1:1"});
    const cli::Json finding = only("drift", bridge);
    EXPECT_THAT(finding["evidence"].dump(), HasSubstr("behind another filter"));
    paste(finding);
    expect_healthy();
    EXPECT_THAT(host.must({"tc", "filter", "show", "dev", tunnel, direction}), HasSubstr("bytecode")) << "theirs stays";
  }
}

// No line of ours can know whether somebody needs it.
TEST_F(DoctorOfFan, WhatStandsInThePlaceOfTheFansObjectsIsFoundWithoutALine) {
  struct Stranger {
    std::string comes;
    std::string goes;
  };
  up();
  for (const Stranger& stranger : std::vector<Stranger>{
           {"ip link del fanvx8472; ip link add fanvx8472 type bridge", "ip link del fanvx8472"},
           {"ip link del fanvx8472; ip link add fanvx8472 type vxlan id 5 dstport 5555 dev eth0",
            "ip link del fanvx8472"},
           {"ip link del fan-10-0-27; ip link add fan-10-0-27 type bridge", "ip link del fan-10-0-27"},
           {"nft delete table inet fanctl; nft add table inet fanctl", "nft delete table inet fanctl"}}) {
    SCOPED_TRACE(stranger.comes);
    host.must({"sh", "-ec", stranger.comes});
    const cli::Json finding = only("drift", bridge);
    EXPECT_TRUE(finding["fix"].is_null()) << finding.dump(1);
    EXPECT_THAT(finding["instead"].dump(), HasSubstr("and then: fanctl up 10.0.0.0/8 eth0/16"));
    EXPECT_EQ(host.fanctl(line()).status, 3) << "and `up` says what it is";
    host.must({"sh", "-ec", stranger.goes});
    expect_cured("drift", bridge);
  }
}

// Its record is gone with the programs, and its alias had no room for all of its options.
TEST_F(DoctorOfFan, AFanThatIsKnownInPartIsFoundWithoutALine) {
  std::vector<std::string> many{"no-nat", "strict", "no-isolate", "ttl-security", "1", "pool", "docker=128-191"};
  for (int n = 5; n < 20; ++n) {
    many.insert(many.end(), {"expose", "10.0.27." + std::to_string(n)});
  }
  up(many);
  host.must({"sh", "-ec", "ip link del " + tunnel + "; tc qdisc del dev " + bridge + " clsact"});
  const cli::Json finding = only("drift", bridge);
  EXPECT_TRUE(finding["fix"].is_null()) << "nobody knows the options that are lost";
  EXPECT_THAT(finding["instead"], HasSubstr("say it again with all of its options"));
  host.fanctl_must(line(many));
  expect_healthy();
}

// The route of its slice is the fan's still.
TEST_F(DoctorOfFan, ABridgeThatLostItsSignIsFoundAndNothingElse) {
  up();
  host.ip({"link set " + bridge + " group 0"});
  const cli::Json finding = only("drift", bridge);
  EXPECT_TRUE(finding["fix"].is_null()) << finding.dump(1);
  EXPECT_THAT(finding["instead"], HasSubstr("give them back: ip link set dev " + bridge));
}

TEST_F(DoctorOfFan, WhereItsUnderlaysDeviceIsGoneThereIsNoLineThatUpRefuses) {
  up();
  host.ip({"link set eth0 down", "link set eth0 name lan0", "link set lan0 up"});
  for (const cli::Json& finding : diagnosis()["findings"]) {
    EXPECT_TRUE(finding["id"] != "drift" || finding["fix"].is_null()) << finding.dump(1);
  }
}

TEST_F(DoctorOfFan, AnotherFirewallsDropIsFound) {
  up({"no-nat"});
  host.must({"nft", "table ip late { chain through { type filter hook forward priority 250; policy drop; }\n}"});
  expect_cured("firewall", bridge);
}

// Of another table than IPv4's: frames meet it before any packet is one.
TEST_F(DoctorOfFan, ADropOfTheBridgesFramesIsFound) {
  up();
  host.set_sysctl("net/bridge/bridge-nf-call-iptables", "0");
  Container one(static_cast<const Netns&>(host), bridge);
  Container two(static_cast<const Netns&>(host), bridge);
  one.address("10.0.27.2/24", *Address::parse("10.0.27.1"));
  two.address("10.0.27.3/24", *Address::parse("10.0.27.1"));
  const Argv between{"ping", "-n", "-q", "-c", "1", "-W", "1", "10.0.27.3"};
  const Argv to_gateway{"ping", "-n", "-q", "-c", "1", "-W", "1", "10.0.27.1"};
  EXPECT_TRUE(one.run(between).ok() && one.run(to_gateway).ok());
  for (const char* hook : {"forward", "input", "output"}) {
    SCOPED_TRACE(hook);
    const Argv& ping = std::string(hook) == "forward" ? between : to_gateway;
    host.must({"nft", "table bridge late { chain those { type filter hook " + std::string(hook) +
                          " priority 0; policy drop; }\n}"});
    EXPECT_FALSE(one.run(ping).ok());
    EXPECT_THAT(only_of_firewall()["evidence"].dump(), HasSubstr("the policy of chain those of table bridge late"));
    for (int round = 0; round < 2; ++round) {
      paste(only_of_firewall());
    }
    expect_healthy();
    EXPECT_TRUE(one.run(ping).ok());
    host.must({"nft", "delete table bridge late"});
  }
  // br_netfilter takes frames of IPv4 past chains of priority 0 on some kernels, and past those before on none.
  for (const char* priority : {"0", "-200"}) {
    host.must({"nft", "table bridge late { chain those { type filter hook forward priority " + std::string(priority) +
                          "; ether type ip drop; }\n}"});
    EXPECT_FALSE(one.run(between).ok());
    EXPECT_FALSE(diagnosis()["findings"].empty()) << priority;
    host.set_sysctl("net/bridge/bridge-nf-call-iptables", "1");
    const bool certain = std::string(priority) != "0";
    EXPECT_TRUE(!certain || !one.run(between).ok());
    EXPECT_EQ(diagnosis()["findings"].empty(), !certain) << priority;
    host.set_sysctl("net/bridge/bridge-nf-call-iptables", "0");
    host.must({"nft", "delete table bridge late"});
  }
  host.must({"nft", "table bridge late { chain those { type filter hook forward priority 0; ether type arp accept; "
                    "ether type ip6 drop; ip saddr 10.9.0.0/16 drop; iifname eth7 drop; }\n}"});
  expect_healthy();
  host.must({"nft", "add rule bridge late those ether type 0x0800 drop"});
  EXPECT_THAT(host.run({fanctl_path(), "trace", "10.0.27.2", "10.0.27.3"}).out, HasSubstr("table bridge late"));
  expect_cured("firewall", bridge);
}

TEST_F(DoctorOfFan, APortThatIsTooSmallIsFound) {
  up();
  const Container c(static_cast<const Netns&>(host), bridge);
  expect_healthy();
  host.must({"ip", "link", "set", "dev", c.port(), "mtu", "1300"});
  expect_cured("mtu", c.port());
}

TEST_F(DoctorOfFan, AnUnderlayThatBecameSmallerIsFound) {
  up();
  host.must({"ip", "link", "set", "dev", "eth0", "mtu", "1400"});
  expect_cured("mtu", bridge);
  EXPECT_EQ(link_field(host, bridge, "mtu"), "1350");
}

TEST_F(DoctorOfFan, AnMtuThatWasAskedForIsLoweredByTheFix) {
  up({"mtu", "1440"});
  host.must({"ip", "link", "set", "dev", "eth0", "mtu", "1400"});
  expect_cured("mtu", bridge);
  EXPECT_EQ(link_field(host, bridge, "mtu"), "1350");
}

TEST_F(DoctorOfFan, AReservedOverlayIsANote) {
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  EXPECT_EQ(only("reserved-space", "fan-250-0-27")["severity"], "note");
  EXPECT_EQ(doctor({}, {}).out, "");
}

TEST_F(DoctorOfFan, WithoutRootItSaysWhatItCouldNotLookAt) {
  up();
  RunOptions nobody;
  nobody.uid = 65534;
  EXPECT_EQ(doctor({}, nobody).status, 0);
  std::string unseen;
  const cli::Json seen = diagnosis(nobody);
  for (const cli::Json& one : seen["not_looked_at"]) {
    unseen += one["check"].get<std::string>() + " ";
  }
  EXPECT_EQ(unseen.rfind("drift bpf tcx firewall bridged-frames ", 0), 0U) << seen.dump(1);
  // What is the machine's is told in its first network namespace only; and its log may be kept from this one.
  for (const cli::Json& one : diagnosis()["not_looked_at"]) {
    EXPECT_TRUE(one["check"] == "neighbours" || one["check"] == "ports" || one["check"] == "kernel-log") << one;
  }
}

} // namespace
} // namespace fan::test
