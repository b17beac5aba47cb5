// The doors round the tunnel: forged packets of every kind run beside real traffic from before the first `up` until
// after the last `down`, and none arrives; and each thing that stops them is shown to be what stops them.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/forger.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

class Doors : public OverEach {};
FAN_OVER_EACH(Doors);

const Address evil_address{0xac1e0042U}; // 172.30.0.66
const Address elsewhere{0xac1e0063U};    // 172.30.0.99

Mac mac_of(const Netns& netns, const std::string& device) {
  auto mac = Mac::parse(link_field(netns, device, "link/ether"));
  return mac.ok() ? *mac : Mac{};
}

// Two hosts of a fan, a third machine on their segment, and a second segment with a machine on it. The victim forwards
// everywhere and filters no reverse path, so that nothing but the fan stands in the way.
struct Siege {
  explicit Siege(Encapsulation encapsulation)
      : fans(std::string(name_of(encapsulation))), evil(fans.underlay.host("172.30.0.66/16")),
        forged(encapsulation, {fans.a.address, elsewhere, *Address::parse("250.0.27.1"), at_a, fans.b.address, at_b}) {
    fans.a.ip({"addr add 172.30.0.99/16 dev eth0"});
    join(fans.a, "eth1", side, "eth0");
    fans.a.ip({"addr add 172.31.0.1/24 dev eth1"});
    side.ip({"addr add 172.31.0.2/24 dev eth0"});
    for (const char* device : {"all", "eth0", "eth1"}) {
      fans.a.set_sysctl(fmt::format("net/ipv4/conf/{}/rp_filter", device), "0");
    }
    fans.a.set_sysctl("net/ipv4/ip_forward", "1");
  }

  // The peer first: a host of the underlay that has no fan lets its own users speak for its slice, and nobody else
  // can tell.
  void up() {
    for (Host* host : {&fans.b, &fans.a}) {
      host->fanctl_must(fans.line("up"));
    }
  }

  void begin() {
    forged.from_segment(evil, "eth0", evil_address, mac_of(fans.a, "eth0"), true);
    forged.from_segment(side, "eth0", *Address::parse("172.31.0.2"), mac_of(fans.a, "eth1"), false);
    forged.from_process(fans.b);
  }

  FanPair fans;
  Host& evil;
  Netns side;
  ForgedTraffic forged;
};

std::string listed(const std::set<std::string>& kinds) {
  return fmt::format("{}", fmt::join(kinds, "\n"));
}

#define EXPECT_NOTHING_ARRIVED(forged) EXPECT_EQ(listed((forged).arrived()), "")

// Every kind from every side comes round several times.
void let_them_try() {
  pause_for(std::chrono::milliseconds(in_guest() ? 3000 : 700));
}

bool arrives(const ForgedTraffic& forged, const std::string& kind) {
  return eventually(
      [&] {
        for (const std::string& one : forged.arrived()) {
          if (one.find(kind) != std::string::npos) {
            return true;
          }
        }
        return false;
      },
      std::chrono::seconds(in_guest() ? 10 : 3));
}

TEST_P(Doors, NoForgedPacketArrivesFromBeforeTheFirstUpUntilAfterTheLastDown) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.begin();
  let_them_try();
  siege.up();
  siege.forged.watch_services(fans.a); // before `up` a plain packet with any source is just a packet
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  siege.forged.watch_container(a);
  siege.forged.from_container(b, at_b);
  EXPECT_TRUE(pings(a, at_b, {}, 1));
  UdpStream there(a, b, at_b);
  EXPECT_TRUE(there.reached(200));
  let_them_try();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"dhcp"}, {"no-nat"}, {"mtu", "1400"}, {"strict"}, {}}) {
    fans.a.fanctl_must(fans.line("up", words));
  }
  fans.a.must({"nft", "flush", "chain", "inet", "fanctl", "output"}); // something to put back
  fans.a.fanctl_must(fans.line("up"));
  let_them_try();
  const UdpStreamReport report = there.stop();
  EXPECT_GT(report.received, 500U);
  EXPECT_EQ(report.lost, 0U);
  EXPECT_NOTHING_ARRIVED(siege.forged);
  fans.a.fanctl_must({"down", "--force", "250.0.0.0/8", "eth0/16"});
  let_them_try();
  std::set<std::string> at_containers = siege.forged.arrived();
  std::erase_if(at_containers, [](const std::string& kind) {
    return kind.find(" to the host") != std::string::npos || kind.find("address of the host") != std::string::npos;
  });
  EXPECT_EQ(listed(at_containers), "") << "after the last down";
  EXPECT_GT(siege.forged.kinds().size(), 30U);
  EXPECT_GT(siege.forged.sent(), 1000U);
}

// Without the table and without the guard the same packets do arrive: the test can see them.
TEST_P(Doors, WithoutTheTableAndTheGuardPlainForgeriesArriveUntilUp) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.up();
  const Container a = fans.container_a();
  siege.forged.watch_container(a);
  siege.begin();
  let_them_try();
  EXPECT_NOTHING_ARRIVED(siege.forged);
  fans.a.must({"nft", "delete", "table", "inet", "fanctl"});
  EXPECT_TRUE(arrives(siege.forged, "plain, uninvited from the underlay to a container"));
  EXPECT_TRUE(arrives(siege.forged, "plain, uninvited from outside to a container"));
  let_them_try();
  for (const std::string& kind : siege.forged.arrived()) {
    EXPECT_EQ(kind.find("plain, from"), std::string::npos)
        << kind << ": the guard on the bridge refuses these by itself";
  }
  fans.a.must({"tc", "qdisc", "del", "dev", "fan-250-0-27", "clsact"});
  EXPECT_TRUE(arrives(siege.forged, "plain, from another slice to a container"));
  fans.a.fanctl_must(fans.line("up"));
  pause_for(std::chrono::milliseconds(200));
  siege.forged.forget();
  let_them_try();
  EXPECT_NOTHING_ARRIVED(siege.forged);
}

// The tc filter is gone: what then arrives came from inside the overlay and for this slice, and nothing else does.
TEST_P(Doors, TheCoarseCheckHoldsWhereTheFilterIsGone) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.up();
  const Container a = fans.container_a();
  siege.forged.watch_container(a);
  siege.forged.watch_services(fans.a);
  siege.begin();
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  fans.a.must({"tc", "filter", "del", "dev", tunnel, "ingress"});
  EXPECT_TRUE(arrives(siege.forged, "tunnelled, another host's slice")) << "only the filter knows who owns which slice";
  let_them_try();
  std::set<std::string> coarse = siege.forged.arrived();
  const std::set<std::string> expected{"tunnelled, another host's slice",
                                       "tunnelled, another host's slice, to the gateway",
                                       "tunnelled, to the slice's broadcast", "tunnelled, another network's number"};
  std::erase_if(coarse, [&](const std::string& kind) { return expected.count(kind) != 0; });
  EXPECT_EQ(listed(coarse), "");
  fans.a.fanctl_must(fans.line("up"));
  pause_for(std::chrono::milliseconds(200));
  siege.forged.forget();
  let_them_try();
  EXPECT_NOTHING_ARRIVED(siege.forged);
}

// One rule at a time is taken away, and the door that it shuts stands open until the next `up`.
TEST_P(Doors, EachRuleIsWhatShutsItsDoor) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  siege.forged.watch_container(a);
  siege.begin();
  siege.forged.from_container(b, at_b);
  struct Door {
    const Host& host;
    std::vector<const char*> flushed; // chains
    std::string kind;
  };
  const std::vector<Door> doors{
      {fans.a, {"input"}, "tunnelled, by a wrong device, to 172.30.0.27"},
      {fans.b, {"output"}, "a process of the peer"},
      {fans.b, {"prerouting", "forward"}, type() == "ipip" ? "container, protocol 4" : "container, to the port"},
  };
  for (const Door& door : doors) {
    SCOPED_TRACE(door.kind);
    let_them_try();
    EXPECT_NOTHING_ARRIVED(siege.forged);
    for (const char* chain : door.flushed) {
      door.host.must({"nft", "flush", "chain", "inet", "fanctl", chain});
    }
    door.host.must(
        {"conntrack", "-F"}); // protocol 4 has no ports: a flow of the door before leaves no room for this one's
    EXPECT_TRUE(arrives(siege.forged, door.kind)) << listed(siege.forged.arrived());
    door.host.fanctl_must(fans.line("up"));
    pause_for(std::chrono::milliseconds(200));
    siege.forged.forget();
  }
  let_them_try();
  EXPECT_NOTHING_ARRIVED(siege.forged);
}

// A container on another bridge, translated by the host, tried before the fan was there: conntrack knows its flows.
TEST_P(Doors, AContainerThatTriedBeforeUpNeitherForgesNorHearsTheTunnel) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  Host& b = fans.b;
  b.ip({"link add docker0 mtu 1500 type bridge forward_delay 0", "addr add 172.17.0.1/16 dev docker0",
        "link set docker0 up"});
  b.set_sysctl("net/ipv4/ip_forward", "1");
  b.must({"nft",
          "add table ip docker { chain post { type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 oifname "
          "!= \"docker0\" masquerade ; } ; }"});
  Container thief(b, "docker0");
  thief.address("172.17.0.2/16", *Address::parse("172.17.0.1"));
  const bool ipip = type() == "ipip";
  const auto of_the_tunnel = [&](const Frame& f) {
    return ipip ? f.protocol() == protocol_ipip : f.protocol() == protocol_udp && f.destination_port() == 8472;
  };
  const Capture heard(thief, "eth0", [&](const Frame& f) { return !f.outgoing && of_the_tunnel(f); });
  const Capture sent(fans.a, "eth0",
                     [&](const Frame& f) { return !f.outgoing && f.source() == b.address && of_the_tunnel(f); });
  siege.forged.from_container(thief, *Address::parse("172.17.0.2"));
  EXPECT_TRUE(sent.reached(20)) << "before `up` nothing stops it, and conntrack learns";
  EXPECT_NE(b.must({"conntrack", "-L"}).find("172.17.0.2"), std::string::npos);
  siege.up();
  const Container a = fans.container_a();
  const Container c = fans.container_b();
  siege.forged.watch_container(a);
  siege.forged.watch_services(fans.a);
  EXPECT_TRUE(pings(a, at_b));
  UdpStream stream(a, c, at_b); // the peer's tunnel packets, which the thief would like
  EXPECT_TRUE(stream.reached(500));
  let_them_try();
  EXPECT_EQ(stream.stop().lost, 0U);
  EXPECT_EQ(heard.count(), 0U);
  EXPECT_NOTHING_ARRIVED(siege.forged);
}

TEST_P(Doors, AForeignFilterBeforeOursIsSeenAndUpPutsOursFirst) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  // Ours has the first preference; somebody who wants to be before it makes room first.
  fans.a.must({"tc", "filter", "del", "dev", tunnel, "ingress"});
  fans.a.must({"tc", "filter", "add", "dev", tunnel, "ingress", "pref", "1", "protocol", "all", "bpf", "bytecode",
               "1,6 0 0 4294967295", "classid", "1:1"});
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 8);
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0) << fans.a.fanctl({"show", "-v"}).out;
  const std::string filters = fans.a.must({"tc", "filter", "show", "dev", tunnel, "ingress"});
  EXPECT_LT(filters.find("fan_"), filters.find("bytecode")) << filters;
  EXPECT_TRUE(pings(a, at_b, {}, 1));
}

TEST_P(Doors, AQueueOnTheTunnelDeviceIsSeenAndTakenOff) {
  FanPair fans(type());
  fans.up();
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  fans.a.must({"tc", "qdisc", "add", "dev", tunnel, "root", "pfifo"});
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 8);
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0);
  EXPECT_NE(fans.a.must({"tc", "qdisc", "show", "dev", tunnel}).find("noqueue"), std::string::npos);
}

TEST_P(Doors, AForeignTunnelDeviceInTheWayIsRefusedAndNamed) {
  const bool ipip = type() == "ipip";
  const std::vector<std::vector<std::string>> devices =
      ipip ? std::vector<std::vector<std::string>>{{"link add theirs type ipip external"},
                                                   {"link add theirs type ipip local 172.30.0.27"},
                                                   {"link set tunl0 up"}}
           : std::vector<std::vector<std::string>>{{"link add theirs type vxlan dstport 8472 external"},
                                                   {"link add theirs type vxlan id 5 dstport 8472 dev eth0"}};
  for (const auto& lines : devices) {
    FanPair fans(type());
    fans.a.ip(lines);
    const Outcome refused = fans.a.fanctl(fans.line("up"));
    EXPECT_EQ(refused.status, 3) << lines.front();
    EXPECT_NE(refused.err.find(lines.front().find("tunl0") != std::string::npos ? "tunl0" : "theirs"),
              std::string::npos)
        << refused.err;
  }
}

} // namespace
} // namespace fan::test
