// The doctor about rules of routing: which of them lead a fan's packets elsewhere, and which do not.
#include <gmock/gmock.h>

#include "doctor_host.h"
#include "fan_pair.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

class DoctorOfPolicyRules : public Doctor {
protected:
  void SetUp() override {
    // Another way for all: by the router, and by a second card.
    join(host, "eth1", underlay.router(), "h1b");
    underlay.router().ip({"link set h1b master sw"});
    host.ip({"address add 192.0.2.27/24 dev eth1", "route add default via 172.30.255.254 table 77",
             "route add default via 192.0.2.1 dev eth1 table 78"});
    host.set_sysctl("net/ipv4/conf/all/rp_filter", "0");
  }

  void add(const std::string& rule) const { host.ip({"rule add priority 100 " + rule}); }
  void remove_all() const {
    while (host.run({"ip", "rule", "del", "priority", "100"}).ok()) {
    }
  }
  [[nodiscard]] bool stands(const std::string& rule) const {
    return host.must({"ip", "rule"}).find("100:\t" + rule) != std::string::npos;
  }

  [[nodiscard]] static std::string evidence_of(const cli::Json& finding, std::size_t line) {
    return line < finding["evidence"].size() ? finding["evidence"].at(line).get<std::string>() : "";
  }
  // The line in what a finding says instead of one.
  [[nodiscard]] static std::string line_in(const cli::Json& finding) {
    const std::string instead = finding["instead"].is_string() ? finding["instead"].get<std::string>() : "";
    const std::size_t at = instead.find("ip rule add");
    return at == std::string::npos ? "false" : instead.substr(at);
  }

  // `severity` and `fix` as they are; the rule itself is in the evidence.
  [[nodiscard]] cli::Json expect_found(const std::string& severity, const std::string& fix) const {
    const cli::Json finding = only("policy-rule", bridge);
    EXPECT_EQ(finding["severity"], severity) << finding.dump(1);
    EXPECT_EQ(finding["fix"].is_null() ? "" : finding["fix"], fix) << finding.dump(1);
    return finding;
  }
};

// One that is about nothing but the overlay.
TEST_F(DoctorOfPolicyRules, ARuleForPacketsIntoTheOverlayIsFoundAndDeleted) {
  up();
  for (const char* rule :
       {"from all to 10.0.0.0/8 lookup 77", "from all to 10.5.0.0/16 blackhole", "from all to 10.0.0.0/8 blackhole",
        "from all to 10.9.9.9 unreachable", "from all to 10.0.0.0/8 fwmark 0/0xff iif lo prohibit",
        "from 10.0.27.64/26 to 10.128.0.0/9 lookup 77", "from all to 10.0.0.0/8 goto 40000",
        "from all to 10.0.0.0/8 lookup 77 suppress_prefixlength 0 uidrange 0-0"}) {
    SCOPED_TRACE(rule);
    host.ip({"route add 10.0.0.0/7 via 172.30.255.254 table 77", "rule add priority 40000 nop"});
    add(rule);
    const cli::Json finding = only("policy-rule", bridge);
    EXPECT_EQ(finding["severity"], "problem");
    EXPECT_THAT(finding["fix"].dump(), HasSubstr("ip rule del priority 100 from "));
    EXPECT_THAT(finding["evidence"].dump(), HasSubstr("rule 100: from "));
    paste(finding);
    expect_healthy();
    EXPECT_NE(host.must({"ip", "rule"}).find("40000:"), std::string::npos) << "this rule and no other";
    host.ip({"rule del priority 40000", "route del 10.0.0.0/7 table 77"});
  }
}

TEST_F(DoctorOfPolicyRules, TheFindingNamesTheRuleThePacketAndItsWay) {
  up();
  add("to 10.0.0.0/8 lookup 77");
  const cli::Json finding = expect_found("problem", "ip rule del priority 100 from all to 10.0.0.0/8 lookup 77");
  EXPECT_EQ(finding.value("what", ""),
            "a policy rule leads packets to endpoints of other hosts and packets to endpoints of "
            "10.0.27.0/24 elsewhere");
  EXPECT_EQ(evidence_of(finding, 0), "rule 100: from all to 10.0.0.0/8 lookup 77");
  EXPECT_EQ(evidence_of(finding, 1), "this host -> 10.0.0.1: default via 172.30.255.254 dev eth0 table 77");
}

// Whoever leads more than the fan's packets somewhere has a reason: a VPN for what containers say to the world.
TEST_F(DoctorOfPolicyRules, OfARuleForOtherPacketsTooTheFansAreExcepted) {
  up();
  for (const char* rule :
       {"from all lookup 77", "from 10.0.27.0/24 lookup 77", "from all iif lo lookup 77",
        "from all iif fan-10-0-27 lookup 78", "from 10.0.28.0/24 blackhole", "from 10.0.27.1 prohibit",
        "from all to 10.0.0.0/7 unreachable", "not from 10.0.27.128/25 lookup 77"}) {
    SCOPED_TRACE(rule);
    add(rule);
    const cli::Json finding = expect_found("problem", "ip rule add to 10.0.0.0/8 lookup main priority 99");
    EXPECT_EQ(evidence_of(finding, 0), std::string("rule 100: ") + rule);
    paste(finding);
    expect_healthy();
    EXPECT_TRUE(stands(rule)) << host.must({"ip", "rule"});
    host.ip({"rule del priority 99"});
    remove_all();
  }
}

TEST_F(DoctorOfPolicyRules, ARuleForWhatComesOutOfTheTunnelIsFound) {
  up();
  for (const std::string rule : {"from all iif fanvx8472 lookup 77", "from 10.0.0.0/8 iif fanvx8472 prohibit"}) {
    SCOPED_TRACE(rule);
    add(rule);
    const cli::Json finding = expect_found("problem", "ip rule del priority 100 " + rule);
    EXPECT_EQ(finding["evidence"].size(), 2U) << finding.dump(1);
    EXPECT_THAT(evidence_of(finding, 1), HasSubstr(" from fanvx8472: "));
    paste(finding);
    expect_healthy();
  }
  add("from all to 10.0.27.0/24 blackhole");
  paste(expect_found("problem", "ip rule del priority 100 from all to 10.0.27.0/24 blackhole"));
  expect_healthy();
}

// There the route is what is wrong.
TEST_F(DoctorOfPolicyRules, ARouteInsideTheOverlayIsToldInsteadOfTheRule) {
  up();
  add("from all iif fanvx8472 lookup 79");
  host.ip({"route add blackhole 10.0.27.0/25 table 79"});
  expect_cured("route", bridge);
}

TEST_F(DoctorOfPolicyRules, ARuleForTunnelPacketsIsFound) {
  up();
  const char* exception = "ip rule add fwmark 0xfa70000 lookup main priority 99";
  for (const char* rule :
       {"from all to 172.30.0.0/16 blackhole", "from all to 172.30.9.0/24 prohibit",
        "from all to 172.30.0.0/16 ipproto udp dport 8472 unreachable", "from 172.30.0.27 unreachable"}) {
    SCOPED_TRACE(rule);
    add(rule);
    paste(expect_found("problem", exception));
    expect_healthy();
    EXPECT_TRUE(stands(rule)) << host.must({"ip", "rule"});
    host.ip({"rule del priority 99"});
    remove_all();
  }
  add("from all to 172.30.9.0/24 lookup 78");
  paste(expect_found("warning", exception));
  expect_healthy();
  host.ip({"rule del priority 99"});
  remove_all();
  add("from all fwmark 0xfa70000 lookup 78");
  paste(expect_found("warning", "ip rule del priority 100 from all fwmark 0xfa70000 lookup 78"));
  expect_healthy();
}

// Nobody but its owner knows whether a VPN is to have the tunnel packets, too.
TEST_F(DoctorOfPolicyRules, AWayForAllThatThisHostSendsIsAWarningAndHasNoLine) {
  up();
  add("from 172.30.0.27 lookup 78");
  cli::Json finding = expect_found("warning", "");
  finding["fix"] = line_in(finding);
  EXPECT_EQ(finding["fix"], "ip rule add fwmark 0xfa70000 lookup main priority 99");
  paste(finding);
  expect_healthy();
}

// A rule for all is for both kinds of packets, and what helps is not the same.
TEST_F(DoctorOfPolicyRules, WhatARuleForAllRefusesIsToldOfBothKindsOfPackets) {
  up();
  add("from all prohibit");
  const cli::Json seen = diagnosis();
  ASSERT_EQ(seen["findings"].size(), 2U) << seen.dump(1);
  for (const cli::Json& finding : seen["findings"]) {
    EXPECT_EQ(finding["id"], "policy-rule");
    paste(finding);
  }
  expect_healthy();
}

TEST_F(DoctorOfPolicyRules, WhereNoRuleLeadsToTheMainTableThatIsSaid) {
  up();
  host.ip({"rule del priority 32766"});
  const cli::Json seen = diagnosis();
  ASSERT_FALSE(seen["findings"].empty());
  for (const cli::Json& finding : seen["findings"]) {
    EXPECT_EQ(finding["id"], "policy-rule") << finding.dump(1);
    EXPECT_EQ(finding["fix"], "ip rule add lookup main priority 32766") << finding.dump(1);
  }
  paste(seen["findings"][0]);
  expect_healthy();
}

// The kernel deletes the first rule that a line fits, and here that is not the one.
TEST_F(DoctorOfPolicyRules, ARuleThatNoLineNamesAloneIsNotDeleted) {
  up();
  add("from all to 10.0.0.0/8 iif eth1 lookup 77");
  add("from all to 10.0.0.0/8 lookup 77");
  paste(expect_found("problem", "ip rule add to 10.0.0.0/8 lookup main priority 99"));
  expect_healthy();
}

TEST_F(DoctorOfPolicyRules, ABridgeInAVrfIsTakenOutOfIt) {
  up();
  if (!host.run({"ip", "link", "add", "red", "type", "vrf", "table", "10"}).ok()) {
    GTEST_SKIP() << "no-vrf: this kernel has no VRFs";
  }
  host.ip({"link set red up", "route add unreachable default table 10 metric 4278198272"});
  expect_healthy();
  host.ip({"link set " + bridge + " master red"});
  bool found = false;
  const cli::Json seen = diagnosis();
  for (const cli::Json& finding : seen["findings"]) {
    found =
        found || (finding["id"] == "policy-rule" && finding["instead"].dump().find("nomaster") != std::string::npos);
  }
  EXPECT_TRUE(found) << seen.dump(1);
}

TEST_F(DoctorOfPolicyRules, RulesThatLeadNothingAwayAreNone) {
  up();
  // wg-quick's, with a route for everything.
  host.ip({"link add wg0 type veth peer name wg1", "link set wg0 up", "link set wg1 up",
           "route add default dev wg0 table 51820", "rule add priority 32765 not fwmark 0xca6c lookup 51820",
           "rule add priority 32764 lookup main suppress_prefixlength 0"});
  expect_healthy();
  // Tailscale's, without an exit node.
  host.ip({"route add 100.64.0.0/10 dev wg0 table 52", "rule add priority 5210 fwmark 0x80000/0xff0000 lookup main",
           "rule add priority 5230 fwmark 0x80000/0xff0000 lookup default",
           "rule add priority 5250 fwmark 0x80000/0xff0000 unreachable", "rule add priority 5270 lookup 52"});
  expect_healthy();
  // A cloud's for its cards, each by its own address.
  host.ip({"rule add priority 10001 from 172.30.0.27 lookup 77", "rule add priority 10002 from 192.0.2.27 lookup 78"});
  expect_healthy();
  // Of others' packets: another user's, another port's, another device's, another network's; and after table main.
  for (const char* rule :
       {"uidrange 4711-4711 lookup 77", "ipproto tcp dport 443 lookup 77", "iif eth1 lookup 77", "oif eth1 lookup 77",
        "to 11.0.0.0/8 blackhole", "fwmark 0x1 lookup 77", "tos 0x10 lookup 77", "to 10.0.0.0/8 lookup main",
        "to 10.0.0.0/8 lookup 79", "to 10.0.0.0/8 nop"}) {
    SCOPED_TRACE(rule);
    add(rule);
    expect_healthy();
    remove_all();
  }
  host.ip({"rule add priority 40000 to 10.0.0.0/8 blackhole"});
  expect_healthy();
  // A table of others in which the fan's own way stands.
  host.ip({"rule add priority 100 to 10.0.0.0/8 lookup 80", "route add 8.0.0.0/5 dev fanvx8472 table 80",
           "rule add priority 90 to 10.0.27.0/24 lookup 81", "route add 8.0.0.0/5 dev fan-10-0-27 table 81"});
  expect_healthy();
}

// A peer behind the router is behind the default route, and a VPN takes that.
TEST_F(DoctorOfPolicyRules, AVpnThatTakesTunnelPacketsIsAWarning) {
  host.ip({"address del 172.30.0.27/16 dev eth0", "address add 172.30.0.27/24 dev eth0",
           "route add 172.30.255.254 dev eth0", "route add default via 172.30.255.254"});
  host.fanctl_must(line());
  expect_healthy();
  host.ip({"link add wg0 type veth peer name wg1", "link set wg0 up", "link set wg1 up",
           "route add default dev wg0 table 51820", "rule add priority 32765 not fwmark 0xca6c lookup 51820",
           "rule add priority 32764 lookup main suppress_prefixlength 0"});
  cli::Json finding = expect_found("warning", "");
  EXPECT_EQ(evidence_of(finding, 0), "rule 32765: not from all fwmark 0xca6c lookup 51820");
  finding["fix"] = line_in(finding);
  paste(finding);
  expect_healthy();
}

TEST_F(DoctorOfPolicyRules, OverIpipAndFromAHostWithoutABridgeToo) {
  if (kernel_has(Encapsulation::ipip)) {
    host.fanctl_must({"up", "10.0.0.0/8", "eth0/16", "type", "ipip"});
    add("from all to 172.30.9.0/24 blackhole");
    paste(expect_found("problem", "ip rule add fwmark 0xfa70000 lookup main priority 99"));
    expect_healthy();
    host.ip({"rule del priority 99"});
    remove_all();
    host.fanctl_must({"down", bridge});
  }
  up({"reach"});
  add("from all lookup 77");
  paste(expect_found("problem", "ip rule add to 10.0.0.0/8 lookup main priority 99"));
  expect_healthy();
}

TEST_F(DoctorOfPolicyRules, UpAndTraceSayTheSame) {
  add("from 10.0.27.0/24 lookup 77");
  const std::string note =
      "(rule 100: from 10.0.27.0/24 lookup 77; 10.0.27.1 -> 10.0.0.1: default via 172.30.255.254 dev "
      "eth0 table 77";
  const std::string first = host.fanctl(line()).err;
  EXPECT_THAT(first, HasSubstr(note));
  EXPECT_THAT(first, HasSubstr("ip rule add to 10.0.0.0/8 lookup main priority 99"));
  EXPECT_THAT(host.fanctl(line()).err, HasSubstr(note));
  EXPECT_THAT(host.fanctl_must({"trace", "10.0.27.2", "10.0.28.2"}),
              HasSubstr("default via 172.30.255.254 dev eth0 table 77"));
  paste(only("policy-rule", bridge));
  EXPECT_EQ(host.fanctl(line()).err.find("policy rule"), std::string::npos);
  EXPECT_THAT(host.fanctl_must({"trace", "10.0.27.2", "10.0.28.2"}),
              HasSubstr("10.0.0.0/8 via 192.0.0.8 dev fanvx8472\n"));
  host.ip({"rule add priority 90 to 10.0.0.0/8 prohibit"});
  const Outcome refused = host.fanctl({"trace", "10.0.27.1", "10.0.28.2"});
  EXPECT_EQ(refused.status, 15) << refused.out;
  EXPECT_THAT(refused.out, HasSubstr("a route or a policy rule says prohibit"));
}

} // namespace
} // namespace fan::test
