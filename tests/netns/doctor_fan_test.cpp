// The doctor about the fan itself and what carries it: objects, filters of others, the chain of MTUs.
#include "doctor_host.h"

namespace fan::test {
namespace {

using DoctorOfFan = Doctor;

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

TEST_F(DoctorOfFan, AnotherFirewallsDropIsFound) {
  up({"no-nat"});
  host.must({"nft", "table ip late { chain through { type filter hook forward priority 250; policy drop; }\n}"});
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
