// up, down, repair and live changes on the real kernel.
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/snapshot.h"
#include "support/udp_stream.h"
#include "writes.h"

namespace fan::test {
namespace {

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
