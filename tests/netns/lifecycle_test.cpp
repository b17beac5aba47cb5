// up, down, repair and live changes on the real kernel.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_folder.h"
#include "fan_pair.h"
#include "support/snapshot.h"
#include "support/udp_stream.h"
#include "writes.h"

namespace fan::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Lifecycle : public OverEach {};
FAN_OVER_EACH(Lifecycle);

TEST_P(Lifecycle, UpOnAFanThatIsSoSendsNoWrite) {
  FanPair fans(type());
  const std::string first = joined(writes_of(fans.a, fans.line("up", {"dhcp"})));
  for (const char* word :
       {"RTM_NEWLINK", "RTM_NEWROUTE", "NFT_MSG_NEWRULE", "BPF_MAP_UPDATE", "BPF_PROG_LOAD", "execve"}) {
    EXPECT_NE(first.find(word), std::string::npos) << "strace shows every kind of write: " << word;
  }
  const std::vector<std::string> again = writes_of(fans.a, fans.line("up", {"dhcp"}));
  EXPECT_TRUE(again.empty()) << joined(again);
}

TEST_P(Lifecycle, DownLeavesExactlyWhatWasThere) {
  FanPair fans(type());
  const std::set<std::string> programs = bpf_objects();
  if (type() == "ipip") { // loading the module leaves tunl0 in every namespace for good
    fans.a.fanctl_must(fans.line("up"));
    fans.a.fanctl_must(fans.line("down"));
  }
  const Snapshot before = snapshot(fans.a);
  fans.a.fanctl_must(fans.line("up", {"dhcp", "host-reserve", "3"}));
  EXPECT_NE(difference(before, snapshot(fans.a)), "");
  fans.a.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  EXPECT_EQ(difference(before, snapshot(fans.a)), "");
  EXPECT_TRUE(bpf_leftovers(programs).empty());
}

TEST_P(Lifecycle, DownOfOneFanLeavesTheOthersStreamWhole) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b, {}, 1)); // the bridge's port is through its states by then
  const Snapshot one = snapshot(fans.a);
  UdpStream stream(a, b, at_b);
  EXPECT_TRUE(stream.reached(100));
  fans.a.fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", type(), "dhcp"});
  fans.a.fanctl_must({"down", "241.0.0.0/8", "eth0/16"});
  EXPECT_TRUE(stream.reached(500));
  EXPECT_EQ(stream.stop().lost, 0U);
  EXPECT_EQ(difference(one, snapshot(fans.a)), "");
}

TEST_P(Lifecycle, DownWorksWhenTheUnderlaysAddressOrDeviceIsGone) {
  for (const bool whole_device : {false, true}) {
    FanPair fans(type());
    fans.a.fanctl_must(fans.line("up"));
    if (whole_device) {
      fans.a.must({"ip", "link", "del", "eth0"});
    } else {
      fans.a.must({"ip", "addr", "flush", "dev", "eth0"});
    }
    fans.a.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
    EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
    EXPECT_EQ(fans.a.must({"nft", "list", "tables"}), "");
  }
}

TEST_P(Lifecycle, DownRefusesWhilePortsAreAttachedAndNamesThem) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  const Container c = fans.container_a();
  const Outcome refused = fans.a.fanctl({"down", "250.0.0.0/8", "eth0/16"});
  EXPECT_EQ(refused.status, 11);
  EXPECT_NE(refused.err.find(c.port()), std::string::npos) << refused.err;
  EXPECT_TRUE(fans.a.fanctl(fans.line("up")).ok());
  fans.a.fanctl_must({"down", "--force", "250.0.0.0/8", "eth0/16"});
}

TEST_P(Lifecycle, UpRefusesWhatWouldTakeABridgeFromItsPorts) {
  FanPair fans(type());
  fans.a.set_sysctl("net/ipv4/conf/eth0/promote_secondaries", "1");
  fans.a.ip({"addr add 172.30.0.99/16 dev eth0"});
  fans.a.fanctl_must(fans.line("up"));
  const Container c = fans.container_a();
  const auto refuses = [&](const std::vector<std::string>& line, const char* what) {
    const Outcome refused = fans.a.fanctl(line);
    EXPECT_EQ(refused.status, 11) << what << refused.err;
    EXPECT_NE(refused.err.find(c.port()), std::string::npos) << what << refused.err;
    EXPECT_EQ(link_field(fans.a, c.port(), "master"), "fan-250-0-27") << what;
  };
  refuses(fans.line("up", {"reach"}), "a host that only speaks");
  fans.a.fanctl_must({"up", "250.0.0.0/8", "172.30.0.99/16", "type", type()});
  fans.a.ip({"addr del 172.30.0.27/16 dev eth0"});
  refuses(fans.line("up"), "the slice of another fan");
  fans.a.fanctl_must(fans.line("down", {"--force"}));
  fans.a.fanctl_must({"down", "250.0.0.0/8", "172.30.0.99/16"});
}

TEST_P(Lifecycle, DownRefusesWhileADeviceIsUponTheBridgeAndNamesIt) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  fans.a.ip({"link add upon0 link fan-250-0-27 type macvlan mode bridge"});
  const Outcome refused = fans.a.fanctl(fans.line("down"));
  EXPECT_EQ(refused.status, 11);
  EXPECT_NE(refused.err.find("upon0"), std::string::npos) << refused.err;
  EXPECT_TRUE(fans.a.run({"ip", "link", "show", "upon0"}).ok());
  fans.a.fanctl_must(fans.line("down", {"--force"}));
  EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

TEST_P(Lifecycle, ABridgeThatWasRenamedIsNamedUntilItHasItsNameAgain) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  fans.a.ip({"link set fan-250-0-27 down", "link set fan-250-0-27 name other", "link set other up"});
  const std::string words = "the device other is the fan bridge fan-250-0-27 under another name";
  EXPECT_THAT(fans.a.fanctl({"show"}).err, HasSubstr(words));
  std::string help;
  for (const auto& line : {std::vector<std::string>{"show", "--check"}, fans.line("up"), fans.line("down")}) {
    const Outcome refused = fans.a.fanctl(line);
    EXPECT_EQ(refused.status, 3);
    EXPECT_THAT(refused.err, HasSubstr(words));
    const std::size_t at = refused.err.find("ip link set other down");
    ASSERT_NE(at, std::string::npos) << refused.err;
    help = refused.err.substr(at);
  }
  const Outcome doctor = fans.a.fanctl({"doctor"});
  EXPECT_EQ(doctor.status, 14);
  EXPECT_THAT(doctor.out, AllOf(HasSubstr(words), HasSubstr("ip link set other down")));
  fans.a.must({"sh", "-ec", help});
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0);
  fans.a.fanctl_must(fans.line("down"));
  EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

TEST_P(Lifecycle, ABridgeThatLostItsSignIsNamedUntilItHasItAgain) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  for (const char* lost : {"group 0", "address 02:00:00:00:00:01"}) {
    fans.a.ip({std::string("link set fan-250-0-27 ") + lost});
    EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 8) << lost;
    const Outcome refused = fans.a.fanctl(fans.line("up"));
    EXPECT_EQ(refused.status, 3) << lost;
    const std::size_t at = refused.err.find("ip link set dev fan-250-0-27 address");
    ASSERT_NE(at, std::string::npos) << refused.err;
    fans.a.must({"sh", "-ec", refused.err.substr(at)});
    fans.a.fanctl_must(fans.line("up"));
    EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0) << lost;
  }
  fans.a.fanctl_must(fans.line("down"));
}

// Whoever made it has its addresses and its querier there.
TEST_P(Lifecycle, DownLeavesABridgeThatSomebodyMadeInThePlaceOfOursAsItIs) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up", {"snooping"}));
  fans.a.ip({"link del fan-250-0-27", "link add fan-250-0-27 type bridge mcast_querier 1", "link set fan-250-0-27 up",
             "addr add 250.0.27.1/24 dev fan-250-0-27"});
  fans.a.fanctl_must(fans.line("down"));
  EXPECT_THAT(fans.a.must({"ip", "-d", "addr", "show", "dev", "fan-250-0-27"}),
              AllOf(HasSubstr("UP"), HasSubstr("mcast_querier 1"), HasSubstr("250.0.27.1/24")));
  EXPECT_EQ(fans.a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

// An alias has no room for all that can be said of a fan. Where the record is lost too, the rest is not known.
class KnownInPart : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (IsSkipped()) {
      return;
    }
    fans.emplace(type());
    fans->a.fanctl_must(fans->line("up", many));
    fans->a.fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", type()});
    fans->a.must({"sh", "-ec", lose_records()});
  }
  [[nodiscard]] static std::string lose_records() {
    const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
    return "ip link del " + tunnel + "; for b in fan-250-0-27 fan-241-0-27; do tc qdisc del dev $b clsact; done";
  }
  [[nodiscard]] std::string elements() const {
    return fans->a.must({"nft", "list", "set", "inet", "fanctl", "exposed"});
  }

  const std::vector<std::string> many{"no-nat",
                                      "strict",
                                      "no-isolate",
                                      "snooping",
                                      "dhcp",
                                      "domain",
                                      "a-domain-with-a-long-name.example.org",
                                      "expose",
                                      "250.0.27.5",
                                      "expose",
                                      "250.0.27.6",
                                      "pool",
                                      "dhcp=10-50",
                                      "pool",
                                      "docker=128-191",
                                      "pool",
                                      "people=60-90",
                                      "ttl-security",
                                      "1"};
  std::optional<FanPair> fans;
};
FAN_OVER_EACH(KnownInPart);

TEST_P(KnownInPart, KeepsWhatItHasWhateverIsDoneToOthers) {
  const Host& a = fans->a;
  const std::string exposed = elements();
  const std::string querier = "mcast_querier 1";
  const std::string cure = "fanctl up 250.0.0.0/8 eth0/16";
  EXPECT_THAT(exposed, HasSubstr("250.0.27.5"));
  const Outcome shown = a.fanctl({"show", "--check"});
  EXPECT_EQ(shown.status, 8);
  EXPECT_THAT(shown.err, AllOf(HasSubstr("fan-250-0-27 is known by its alias alone"), HasSubstr(cure)));
  const Outcome up = a.fanctl({"up", "241.0.0.0/8", "eth0/16", "type", type()});
  EXPECT_EQ(up.status, 0) << up.err;
  EXPECT_THAT(up.err, AllOf(HasSubstr("fan-250-0-27 is known by its alias alone"), HasSubstr(cure)));
  EXPECT_TRUE(writes_of(a, {"up", "241.0.0.0/8", "eth0/16", "type", type()}).empty());
  const ConfigFolder none;
  const Outcome applied = a.fanctl({"apply", "--dir", none.path()});
  EXPECT_EQ(applied.status, 7);
  EXPECT_THAT(applied.err, AllOf(HasSubstr("fan-250-0-27 is known by its alias alone"), HasSubstr(cure)));
  const Outcome refused =
      a.fanctl({"endpoint", "add", "--port", "eth0", "--address", "250.0.27.9", "--mac", "02:00:00:00:00:01"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr(cure));
  a.fanctl_must({"down", "241.0.0.0/8"});
  EXPECT_EQ(elements(), exposed);
  EXPECT_THAT(a.must({"ip", "-d", "link", "show", "dev", "fan-250-0-27"}), HasSubstr(querier));
  a.fanctl_must(fans->line("up", many));
  EXPECT_EQ(a.fanctl({"show", "--check"}).status, 0);
  EXPECT_EQ(elements(), exposed);
  EXPECT_TRUE(writes_of(a, fans->line("up", many)).empty());
}

TEST_P(KnownInPart, GoesDownWhole) {
  fans->a.fanctl_must({"down", "fan-250-0-27"});
  fans->a.fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", type()});
  EXPECT_EQ(fans->a.fanctl({"show", "--check"}).status, 0);
  EXPECT_THAT(fans->a.must({"nft", "list", "ruleset"}), testing::Not(HasSubstr("250.0.27")));
  fans->a.fanctl_must({"down", "-e"});
  EXPECT_EQ(fans->a.must({"ip", "-o", "link", "show", "group", "64023"}), "");
}

TEST_P(KnownInPart, IsMadeWholeByTheFileThatItCameFrom) {
  fans->a.fanctl_must({"down", "-e"});
  const ConfigFolder folder;
  const std::string more = ", nat: false, strict: true, snooping: true, ttl-security: 1, "
                           "expose: [{0}.5, {0}.6, {0}.7, {0}.9, {0}.11], pools: {{dhcp: 10-50, docker: 128-191, "
                           "people: 60-90}}, encapsulation: " +
                           type();
  folder.write("a.yaml", yaml_fan("fan-250-0-27", "250.0.0.0/8", fmt::format(fmt::runtime(more), "250.0.27")));
  folder.write("b.yaml", yaml_fan("fan-241-0-27", "241.0.0.0/8", fmt::format(fmt::runtime(more), "241.0.27")));
  const Outcome first = fans->a.fanctl({"apply", "--dir", folder.path()});
  ASSERT_EQ(first.status, 0) << first.err;
  const Snapshot whole = snapshot(fans->a);
  fans->a.must({"sh", "-ec", lose_records()});
  EXPECT_THAT(fans->a.fanctl({"show"}).err,
              AllOf(HasSubstr("fan-250-0-27 is known by its alias alone"), HasSubstr("fan-241-0-27 is known")));
  const Outcome again = fans->a.fanctl({"apply", "--dir", folder.path()});
  EXPECT_EQ(again.status, 0);
  EXPECT_EQ(again.err, "");
  EXPECT_EQ(difference(whole, snapshot(fans->a)), "");
}

// Somebody deletes or alters one thing by hand; `up` writes that and what died with it, and nothing else.
struct ByHand {
  const char* what;
  std::vector<std::string> command; // TUNNEL stands for the tunnel device
  std::size_t changes;              // how many changes `up` then plans
};

std::size_t planned(const Host& host, const std::vector<std::string>& line) {
  std::vector<std::string> dry = line;
  dry.insert(dry.end(), {"--dry-run", "--json"});
  const std::string json = host.fanctl_must(dry);
  std::size_t count = 0;
  for (std::size_t at = json.find("\"key\""); at != std::string::npos; at = json.find("\"key\"", at + 1)) {
    ++count;
  }
  return count;
}

TEST_P(Lifecycle, WhatIsDeletedOrAlteredByHandIsPutBackAndNothingElse) {
  FanPair fans(type());
  fans.up({"dhcp"});
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  const std::vector<ByHand> hands{
      {"route", {"ip", "route", "del", "250.0.0.0/8"}, 1},
      {"route's MTU",
       {"ip", "route", "change", "250.0.0.0/8", "via", "192.0.0.8", "dev", tunnel, "onlink", "src", "250.0.27.1",
        "proto", "250", "mtu", "1200"},
       1},
      {"bridge's MTU", {"ip", "link", "set", "fan-250-0-27", "mtu", "1300"}, 1},
      {"bridge's alias", {"ip", "link", "set", "fan-250-0-27", "alias", "mine"}, 1},
      {"tunnel's MTU", {"ip", "link", "set", tunnel, "mtu", "1300"}, 1},
      {"forwarding", {"sysctl", "-qw", "net/ipv4/conf/fan-250-0-27/forwarding=0"}, 1},
      {"nft element", {"nft", "flush", "set", "inet", "fanctl", "slices"}, 1},
      {"nft chain", {"nft", "flush", "chain", "inet", "fanctl", "forward"}, 1},
      {"queue on the tunnel device", {"tc", "qdisc", "add", "dev", tunnel, "root", "pfifo"}, 1},
      {"ingress filter", {"tc", "filter", "del", "dev", tunnel, "ingress"}, 1},
      {"egress filter", {"tc", "filter", "del", "dev", tunnel, "egress"}, 1},
      {"all filters", {"tc", "qdisc", "del", "dev", tunnel, "clsact"}, 2},
  };
  for (const ByHand& hand : hands) {
    const ForgedTraffic::Handle open = fans.underlay.forged().doors_open();
    fans.a.must(hand.command);
    EXPECT_EQ(planned(fans.a, fans.line("up", {"dhcp"})), hand.changes) << hand.what;
    fans.a.fanctl_must(fans.line("up", {"dhcp"}));
    EXPECT_EQ(planned(fans.a, fans.line("up", {"dhcp"})), 0U) << hand.what;
    EXPECT_TRUE(pings(a, at_b, {}, 1)) << hand.what;
  }
}

TEST_P(Lifecycle, AfterEveryDeviceWasDeletedUpMakesAllOfItAgain) {
  FanPair fans(type());
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  fans.up();
  const Snapshot whole = snapshot(fans.a);
  for (const std::string& device : {tunnel, std::string("fan-250-0-27")}) {
    fans.a.must({"ip", "link", "del", device});
    fans.a.fanctl_must(fans.line("up"));
    EXPECT_EQ(difference(whole, snapshot(fans.a)), "") << device;
  }
  fans.a.must({"nft", "flush", "ruleset"});
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_EQ(difference(whole, snapshot(fans.a)), "");
}

void rename(const Host& host, const std::string& device, const std::string& name) {
  host.ip({"link set " + device + " down", "link set " + device + " name " + name, "link set " + name + " up"});
}

TEST(Renamed, AnUnderlaysDeviceForwardsNoLongerThanItsFanIsUp) {
  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.0.27/16");
  const std::string by_address = "172.30.0.27/16";
  const Snapshot before = snapshot(host);
  for (const bool up_again : {false, true}) {
    host.fanctl_must({"up", "250.0.0.0/8", by_address, "type", "vxlan"});
    ASSERT_EQ(host.sysctl("net/ipv4/conf/eth0/forwarding"), "1");
    rename(host, "eth0", "wan0");
    EXPECT_FALSE(host.fanctl({"show", "--check"}).ok());
    if (up_again) {
      host.fanctl_must({"up", "250.0.0.0/8", by_address, "type", "vxlan"});
      EXPECT_TRUE(host.fanctl({"show", "--check"}).ok());
    }
    host.fanctl_must({"down", "250.0.0.0/8", by_address});
    EXPECT_EQ(host.sysctl("net/ipv4/conf/wan0/forwarding"), "0") << up_again;
    rename(host, "wan0", "eth0");
    host.ip({"route add default via 172.30.255.254"});
    EXPECT_EQ(difference(before, snapshot(host)), "") << up_again;
  }
}

TEST(Renamed, ADeviceThatCameInThePlaceOfAnotherIsNotTakenForIt) {
  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.0.27/16");
  host.fanctl_must({"up", "250.0.0.0/8", "172.30.0.27/16", "type", "vxlan"});
  rename(host, "eth0", "wan0");
  host.ip({"link add eth0 type bridge", "link set eth0 up"});
  host.set_sysctl("net/ipv4/conf/eth0/forwarding", "1");
  host.fanctl_must({"down", "-e"});
  EXPECT_EQ(host.sysctl("net/ipv4/conf/wan0/forwarding"), "0");
  EXPECT_EQ(host.sysctl("net/ipv4/conf/eth0/forwarding"), "1") << "its owner's word";
}

TEST(Reach, LeavesTheTunnelAsItIsWithoutAnyOtherFan) {
  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.0.27/16");
  const std::vector<std::string> other{"up", "251.0.0.0/8", "eth0/16", "type", "vxlan", "reach"};
  const std::vector<std::string> normal{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
  const std::vector<std::string> becomes{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "reach"};
  for (const char* forwarding : {"0", "1"}) {
    host.set_sysctl("net/ipv4/ip_forward", forwarding);
    host.fanctl_must(other);
    EXPECT_EQ(host.sysctl("net/ipv4/conf/fanvx8472/forwarding"), forwarding) << "as a new device has it";
    const Snapshot alone = snapshot(host);
    host.fanctl_must(normal);
    EXPECT_EQ(host.sysctl("net/ipv4/conf/fanvx8472/forwarding"), "1");
    host.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
    EXPECT_EQ(difference(alone, snapshot(host)), "");

    host.fanctl_must(becomes);
    const Snapshot two = snapshot(host);
    host.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
    host.fanctl_must(normal);
    host.fanctl_must(becomes);
    EXPECT_EQ(difference(two, snapshot(host)), "");
    EXPECT_TRUE(host.fanctl({"show", "--check"}).ok());
    host.fanctl_must({"down", "-e"});
  }
}

TEST_P(Lifecycle, AChangedOptionChangesJustThatAndLosesNothing) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  const auto ifindexes = [&] { return fans.a.must({"sh", "-c", "ip -o link show group 64023 | cut -d: -f1"}); };
  const std::string before = ifindexes();
  EXPECT_TRUE(pings(a, at_b, {}, 1)); // who is where is known by then
  UdpStream stream(a, b, at_b);
  EXPECT_TRUE(stream.reached(100));
  fans.underlay.forged().permit("plain, uninvited"); // by `expose`
  const std::vector<std::vector<std::string>> options{
      {"dhcp"},          {"host-reserve", "1"}, {"no-nat"}, {"mtu", "1400"},
      {"expose", "all"}, {"ttl-security", "1"}, {"strict"}, {}};
  std::uint64_t reached = 100;
  for (const auto& words : options) {
    fans.a.fanctl_must(fans.line("up", words));
    EXPECT_EQ(ifindexes(), before);
    reached += 100;
    EXPECT_TRUE(stream.reached(reached));
  }
  EXPECT_EQ(stream.stop().lost, 0U);
}

TEST_P(Lifecycle, TheDryRunsLinesMakeTheFan) {
  FanPair fans(type());
  std::vector<std::string> dry = fans.line("up", {"dhcp", "host-reserve", "2"});
  dry.emplace_back("--dry-run");
  const Snapshot before = snapshot(fans.a);
  const std::string lines = fans.a.fanctl_must(dry);
  EXPECT_EQ(difference(before, snapshot(fans.a)), "") << "a dry run writes nothing";
  // A BPF file system of its own, so that runs side by side do not meet at one pin.
  fans.a.must({"unshare", "-m", "sh", "-ec", "mount -t bpf bpf /sys/fs/bpf\n" + lines});
  EXPECT_EQ(planned(fans.a, fans.line("up", {"dhcp", "host-reserve", "2"})), 0U) << fans.a.fanctl_must(dry);
  fans.b.fanctl_must(fans.line("up"));
  const Container a = fans.container_a("250.0.27.3/24");
  EXPECT_TRUE(pings(a, *Address::parse("250.0.28.1")));
}

} // namespace
} // namespace fan::test
