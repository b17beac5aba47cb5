// `fan-overlay` and `fan-options` in a stanza, under each of the three programs.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "hooked_host.h"

namespace fan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* address = "172.30.0.28/16";

class Stanza : public ::testing::TestWithParam<std::string> {
protected:
  Underlay underlay;
};

INSTANTIATE_TEST_SUITE_P(Of, Stanza, ::testing::Values("ifupdown", "ifupdown2", "ifupdown-ng"),
                         [](const auto& info) { return info.param == "ifupdown-ng" ? "ifupdown_ng" : info.param; });

// ifupdown alone tells with its status that a hook failed; the other two say so, and go on.
bool tells_by_status(const std::string& program) {
  return program == "ifupdown";
}

bool has_address(const HookedHost& b) {
  return b.host.must({"ip", "-o", "addr", "show", "dev", "eth0"}).find(address) != std::string::npos;
}

TEST_P(Stanza, BringsItsFanUpOnceAndTakesThatOneDown) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan host-reserve 2"}));
  b.must({"ifup", "eth0"});
  EXPECT_THAT(b.calls(), ElementsAre("[up][--][250.0.0.0/8][eth0][type][vxlan][host-reserve][2]"));
  EXPECT_THAT(b.fans(), ElementsAre("fan-250-0-28"));
  EXPECT_THAT(b.fanctl_must({"show"}), HasSubstr("host-reserve 2"));
  b.fanctl_must({"up", "241.0.0.0/8", "eth0", "type", "vxlan"});
  b.must({"ifdown", "eth0"});
  EXPECT_THAT(b.calls(), ElementsAre("[down][--][250.0.0.0/8][eth0]"));
  EXPECT_THAT(b.fans(), ElementsAre("fan-241-0-28"));
}

TEST_P(Stanza, AgainOnAFanThatIsUpSucceeds) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan"}));
  b.must({"ifup", "-a"});
  EXPECT_EQ(b.calls().size(), 1U);
  // ifupdown gives up at an address that is there already, with status 0, and comes to no hook.
  b.must({"ifup", "--force", "eth0"});
  EXPECT_EQ(b.calls().size(), GetParam() == "ifupdown" ? 0U : 1U);
  EXPECT_THAT(b.fans(), ElementsAre("fan-250-0-28"));
}

// Also when it has the options, too.
TEST_P(Stanza, ASecondAddressFamilyAddsNoCall) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan"}) +
               "iface eth0 inet6 static\n    address fd00::28/64\n    dad-attempts 0\n"
               "    fan-overlay 250.0.0.0/8\n    fan-options type vxlan\n");
  b.must({"ifup", "eth0"});
  EXPECT_EQ(b.calls().size(), 1U);
  EXPECT_THAT(b.fans(), ElementsAre("fan-250-0-28"));
  b.must({"ifdown", "eth0"});
  EXPECT_EQ(b.calls().size(), 1U);
  EXPECT_THAT(b.fans(), IsEmpty());
}

TEST_P(Stanza, OtherInterfacesAreLeftAlone) {
  HookedHost b(underlay, address, GetParam());
  b.host.ip({"link add eth1 type veth peer name eth2"});
  b.interfaces("auto lo\niface lo inet loopback\n    fan-overlay 251.0.0.0/8\n" +
               eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan"}) +
               "auto eth1\niface eth1 inet static\n    address 172.31.0.1/16\n");
  b.must({"ifup", "-a"});
  EXPECT_THAT(b.calls(), ElementsAre("[up][--][250.0.0.0/8][eth0][type][vxlan]"));
  b.must({"ifdown", "eth1"});
  EXPECT_THAT(b.calls(), IsEmpty());
}

TEST_P(Stanza, WithoutFanctlTheNetworkComesUpAndNothingIsSaid) {
  HookedHost b(underlay, address, GetParam(), false);
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan"}));
  ASSERT_TRUE(b.has_file("/etc/network/if-up.d/fan") && b.has_file("/usr/libexec/ifupdown-ng/fan"));
  const Outcome up = b.run({"ifup", "eth0"});
  EXPECT_TRUE(up.ok()) << up.err;
  EXPECT_EQ(up.out + up.err, "");
  EXPECT_TRUE(has_address(b));
  const Outcome down = b.run({"ifdown", "eth0"});
  EXPECT_TRUE(down.ok()) << down.err;
  EXPECT_EQ(down.out + down.err, "");
  EXPECT_FALSE(has_address(b));
}

TEST_P(Stanza, AFanThatFailsLeavesNothingAndCanBeTriedAgain) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay 172.0.0.0/8", "fan-options type vxlan"}));
  const Outcome failed = b.run({"ifup", "eth0"});
  EXPECT_EQ(failed.ok(), !tells_by_status(GetParam()));
  EXPECT_THAT(failed.out + failed.err, HasSubstr("172.0.0.0/8"));
  EXPECT_EQ(b.host.must({"ip", "-o", "link", "show", "group", "64023"}), "");
  EXPECT_EQ(b.host.must({"nft", "list", "tables"}), "");
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan"}));
  b.must({"ifdown", "--force", "eth0"}); // ifupdown has not recorded the interface
  b.must({"ifup", "eth0"});
  EXPECT_THAT(b.fans(), ElementsAre("fan-250-0-28"));
}

TEST_P(Stanza, TakenDownByHandIsNoErrorLater) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan"}));
  b.must({"ifup", "eth0"});
  b.fanctl_must({"down", "250.0.0.0/8", "eth0"});
  b.calls();
  const Outcome down = b.run({"ifdown", "eth0"});
  EXPECT_TRUE(down.ok());
  EXPECT_EQ(down.out + down.err, "");
  EXPECT_EQ(b.calls().size(), 1U);
  EXPECT_FALSE(has_address(b));
}

TEST_P(Stanza, PortsAreNamedAndKeepTheFan) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan"}));
  b.must({"ifup", "eth0"});
  const Container c(b.host, "fan-250-0-28");
  const Outcome down = b.run({"ifdown", "eth0"});
  EXPECT_TRUE(down.ok()); // all three go on
  EXPECT_FALSE(has_address(b));
  EXPECT_THAT(down.out + down.err, HasSubstr(c.port()));
  EXPECT_THAT(b.fans(), ElementsAre("fan-250-0-28"));
  EXPECT_EQ(link_field(b.host, c.port(), "master"), "fan-250-0-28");
}

// Not by the shell, and not as an option of fanctl.
TEST_P(Stanza, ValuesAreNeverExecuted) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay 250.0.0.0/8", "fan-options type vxlan; touch /run/executed $(touch "
                                                                "/run/executed) `touch /run/executed` /e*"}));
  const Outcome up = b.run({"ifup", "eth0"});
  EXPECT_EQ(up.ok(), !tells_by_status(GetParam()));
  EXPECT_FALSE(b.has_file("/run/executed"));
  const std::vector<std::string> calls = b.calls();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0], "[up][--][250.0.0.0/8][eth0][type][vxlan;][touch][/run/executed][$(touch][/run/executed)][`touch]"
                      "[/run/executed`][/e*]");
}

TEST_P(Stanza, AnOverlayLikeAnOptionIsRefused) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {"fan-overlay -e"}));
  EXPECT_EQ(b.run({"ifup", "eth0"}).ok(), !tells_by_status(GetParam()));
  b.fanctl_must({"up", "250.0.0.0/8", "eth0", "type", "vxlan"});
  b.run({"ifdown", "--force", "eth0"});
  EXPECT_THAT(b.calls(), ElementsAre("[up][--][-e][eth0]", "[down][--][-e][eth0]"));
  EXPECT_THAT(b.fans(), ElementsAre("fan-250-0-28"));
}

TEST_P(Stanza, OfItsOwnNamesTheBridge) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {}) + "\nauto fan-250\niface fan-250 inet manual\n    fan-overlay 250.0.0.0/8\n"
                                          "    fan-underlay eth0/16\n    fan-options type vxlan\n");
  b.must({"ifup", "-a"});
  EXPECT_THAT(b.calls(), ElementsAre("[up][--][250.0.0.0/8][eth0/16][bridge][fan-250][type][vxlan]"));
  EXPECT_THAT(b.fans(), ElementsAre("fan-250"));
  b.must({"ifdown", "fan-250"});
  EXPECT_THAT(b.fans(), IsEmpty());
  EXPECT_TRUE(has_address(b));
}

TEST_P(Stanza, OfItsOwnNeedsAnUnderlay) {
  HookedHost b(underlay, address, GetParam());
  b.interfaces(eth0_stanza(address, {}) + "\niface fan-250 inet manual\n    fan-overlay 250.0.0.0/8\n");
  b.must({"ifup", "eth0"});
  const Outcome up = b.run({"ifup", "fan-250"});
  EXPECT_EQ(up.ok(), !tells_by_status(GetParam()));
  EXPECT_THAT(up.out + up.err, HasSubstr("fan-underlay is missing"));
  EXPECT_THAT(b.calls(), IsEmpty());
}

// ifupdown-ng alone asks what a stanza depends on.
TEST(StanzaOfIfupdownNg, BringsItsUnderlayUpFirst) {
  Underlay underlay;
  HookedHost b(underlay, address, "ifupdown-ng");
  b.interfaces(eth0_stanza(address, {}) + "\niface fan-250\n    fan-overlay 250.0.0.0/8\n    fan-underlay eth0/16\n"
                                          "    fan-options type vxlan\n");
  b.must({"ifup", "fan-250"});
  EXPECT_TRUE(has_address(b));
  EXPECT_THAT(b.fans(), ElementsAre("fan-250"));
}

// Whoever calls ifup has a PATH of his own: our hooks search in the system's folders only.
TEST(Hooks, RunNothingOfACallersPath) {
  Underlay underlay;
  HookedHost b(underlay, address, "ifupdown");
  b.interfaces(eth0_stanza(address, {}));
  b.must({"ifup", "eth0"});
  b.must({"mkdir", "/run/poison"});
  for (const char* name : {"fanctl", "ip", "nft", "sh", "printf", "grep", "cat", "systemctl", "dnsmasq"}) {
    const std::string file = std::string("/run/poison/") + name;
    std::ofstream(b.in_view(file)) << "#!/bin/sh\necho \"$0 $*\" >>/run/poisoned\n";
    b.must({"chmod", "755", file});
  }
  std::ofstream(b.in_view("/etc/network/fan")) << "250.0.0.0/8 eth0/16 type vxlan\n";
  const auto call = [&](const std::string& hook, const std::vector<std::string>& environment,
                        const std::vector<std::string>& words = {}) {
    Argv argv{"/usr/bin/env", "PATH=/run/poison:/usr/sbin:/usr/bin:/sbin:/bin", "IFACE=eth0"};
    argv.insert(argv.end(), environment.begin(), environment.end());
    argv.push_back(hook);
    argv.insert(argv.end(), words.begin(), words.end());
    b.must(argv);
    EXPECT_FALSE(b.has_file("/run/poisoned")) << hook;
    EXPECT_THAT(b.calls(), testing::SizeIs(1)) << hook;
  };
  const std::vector<std::string> stanza{"IF_FAN_OVERLAY=250.0.0.0/8", "IF_FAN_OPTIONS=type vxlan dhcp", "ADDRFAM=inet"};
  const auto in_phase = [&](const char* phase) {
    std::vector<std::string> all = stanza;
    all.push_back(std::string("PHASE=") + phase);
    return all;
  };
  call("/etc/network/if-up.d/fan", in_phase("post-up"));
  call("/etc/network/if-down.d/fan", in_phase("pre-down"));
  call("/etc/network/if-up.d/fan", in_phase("up"));
  call("/etc/network/if-down.d/fan", in_phase("down"));
  call("/usr/libexec/ifupdown-ng/fan", in_phase("post-up"));
  call("/usr/libexec/ifupdown-ng/fan", in_phase("pre-down"));
  call(HOOKS_SOURCE "/../../systemd/dispatcher/networkd", {});
  call(HOOKS_SOURCE "/../../systemd/dispatcher/networkmanager", {}, {"eth0", "up"});
  EXPECT_THAT(b.fans(), ElementsAre("fan-250-0-28"));
}

} // namespace
} // namespace fan::test
