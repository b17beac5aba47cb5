// Which lines of a log tell of something that was forbidden to fanctl or to its DHCP server.
#include <gtest/gtest.h>

#include "doctor/denials.h"

namespace fan::test {
namespace {

using doctor::Denial;
using doctor::denials_of_ours;

TEST(Denials, OfAppArmorAndSelinuxInBothLogs) {
  for (
      const std::string line : {
          R"(<5>[3.0] audit: type=1400 audit(1700000000.123:456): apparmor="DENIED" operation="open" class="file" profile="/usr/sbin/dnsmasq" name="/run/x" pid=7 comm="dnsmasq" requested_mask="r")",
          R"(type=AVC msg=audit(1700000000.123:456): apparmor="DENIED" operation="open" profile="fan" comm="fanctl")",
          R"(type=AVC msg=audit(1700000000.123:456): apparmor="DENIED" operation="open" profile="fan" comm=66616E63746C)",
          R"(type=AVC msg=audit(1700000000.123:456): avc:  denied  { read } for  pid=7 comm="dnsmasq" name="x" dev="tmpfs" ino=1 scontext=system_u:system_r:dnsmasq_t:s0)",
          R"(type=USER_AVC msg=audit(1700000000.123:456): pid=1 uid=0 msg='avc:  denied  { start } for auid=0 exe="/usr/sbin/fanctl" hostname=?')",
      }) {
    EXPECT_EQ(denials_of_ours("first\n" + line + "\nlast"),
              (std::vector<Denial>{{line, "1700000000.123:456", 1700000000}}))
        << line;
  }
}

TEST(Denials, OfOthersOrAllowedAreNone) {
  for (const std::string line : {
           R"(type=AVC msg=audit(1.1:1): apparmor="DENIED" profile="firefox" name="/usr/sbin/dnsmasq" comm="firefox")",
           R"(type=AVC msg=audit(1.1:1): apparmor="DENIED" profile="firefox" name="/home/x/fanctl" comm="Xdnsmasq")",
           R"(type=AVC msg=audit(1.1:1): apparmor="ALLOWED" profile="/usr/sbin/dnsmasq" comm="dnsmasq")",
           R"(type=AVC msg=audit(1.1:1): avc:  granted  { read } for  comm="dnsmasq")",
           R"(type=SYSCALL msg=audit(1.1:1): comm="fanctl" exe="/usr/sbin/fanctl")",
           R"(type=AVC msg=audit(1.1:1): apparmor="DENIED" mycomm="dnsmasq" comm="other")",
           R"(dnsmasq: avc: not denied)",
           R"(type=AVC msg=audit(1.1:1): apparmor="DENIED" profile="libvirt-dnsmasq" comm="dnsmasq")",
           R"(type=AVC msg=audit(1.1:1): avc:  denied  { read } for  comm="dnsmasq" tclass=file permissive=1)",
       }) {
    EXPECT_EQ(denials_of_ours(line), std::vector<Denial>{}) << line;
  }
}

TEST(Denials, WithoutAServerADnsmasqIsSomebodyElses) {
  const std::string text = R"(audit(1.1:1): apparmor="DENIED" profile="dnsmasq" comm="dnsmasq")"
                           "\n"
                           R"(audit(1.1:2): apparmor="DENIED" profile="x" comm="fanctl")";
  EXPECT_EQ(denials_of_ours(text, true).size(), 2U);
  EXPECT_EQ(denials_of_ours(text, false).size(), 1U);
  EXPECT_EQ(denials_of_ours(R"(avc:  denied  { read } comm="dnsmasq" permissive=0)", true).size(), 1U);
}

TEST(Denials, WhatIsCutOffIsReadAsFarAsItGoes) {
  const std::string whole = R"(type=AVC msg=audit(17.1:4): apparmor="DENIED" comm="dnsmasq" profile=)";
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    (void)denials_of_ours(whole.substr(0, length));
  }
  EXPECT_EQ(denials_of_ours(whole).size(), 1U);
  EXPECT_EQ(denials_of_ours(R"(audit( apparmor="DENIED" comm="dnsmasq)"),
            (std::vector<Denial>{{R"(audit( apparmor="DENIED" comm="dnsmasq)", "", 0}}));
  EXPECT_EQ(denials_of_ours(R"(audit(99999999999999999999.1:1): apparmor="DENIED" comm="dnsmasq")").at(0).seconds, 0U);
}

} // namespace
} // namespace fan::test
