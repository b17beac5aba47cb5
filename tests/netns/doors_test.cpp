// The doors round the tunnel: forged packets of every kind run beside real traffic from before the first `up` until
// after the last `down`, and none arrives; and each thing that stops them is shown to be what stops them.
#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/forger.h"
#include "support/raw_sender.h"
#include "support/udp_stream.h"
#include "transfer.h"

namespace fan::test {
namespace {

class Doors : public OverEach {};
FAN_OVER_EACH_AND_BY_SHORTCUT(Doors);

const Address gateway_a{0xfa001b01U}; // 250.0.27.1

Mac mac_of(const Netns& netns, const std::string& device) {
  auto mac = Mac::parse(link_field(netns, device, "link/ether"));
  return mac.ok() ? *mac : Mac{};
}

// Two hosts of a fan, and besides the strangers on their segment a second segment of one of them, with a machine on it.
// The victim forwards everywhere and filters no reverse path, so that nothing but the fan stands in the way.
struct Siege {
  explicit Siege(Encapsulation encapsulation)
      : fans(std::string(name_of(encapsulation))), forged(fans.underlay.forged()),
        victim(fans.underlay.victims_of(fans.b.address).front()) {
    fans.a.ip({fmt::format("addr add {}/16 dev eth0", victim.elsewhere().str())});
    join(fans.a, "eth1", side, "eth0");
    fans.a.ip({"addr add 172.31.0.1/24 dev eth1"});
    for (const char* device : {"all", "eth0", "eth1"}) {
      fans.a.set_sysctl(fmt::format("net/ipv4/conf/{}/rp_filter", device), "0");
    }
    fans.a.set_sysctl("net/ipv4/ip_forward", "1");
    handles.push_back(
        forged.from_elsewhere(side, "eth0", *Address::parse("172.31.0.2"), mac_of(fans.a, "eth1"), victim));
  }

  // The peer first: a host of the underlay that has no fan lets its own users speak for its slice, and nobody else
  // can tell.
  void up() {
    for (Host* host : {&fans.b, &fans.a}) {
      host->fanctl_must(fans.line("up"));
    }
  }

  FanPair fans;
  ForgedTraffic& forged;
  Victim victim;
  Netns side;
  std::vector<ForgedTraffic::Handle> handles;
};

#define EXPECT_NOTHING_ARRIVED(forged) EXPECT_EQ((forged).arrived(), "")

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

TEST_P(Doors, NoForgedPacketArrivesFromBeforeTheFirstUpUntilAfterTheLastDown) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.forged.come_round();
  siege.up();
  // Before `up` a plain packet with any source is just a packet.
  ForgedTraffic::Handle services = siege.forged.watch_services(fans.a);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b, {}, 1));
  UdpStream there(a, b, at_b);
  EXPECT_TRUE(there.reached(200));
  siege.forged.come_round();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"dhcp"}, {"no-nat"}, {"mtu", "1400"}, {"strict"}, {}}) {
    fans.a.fanctl_must(fans.line("up", words));
  }
  {
    const ForgedTraffic::Handle open = siege.forged.doors_open();
    fans.a.must({"nft", "flush", "chain", "inet", "fanctl", "output"}); // something to put back
    fans.a.fanctl_must(fans.line("up"));
  }
  siege.forged.come_round();
  const UdpStreamReport report = there.stop();
  EXPECT_GT(report.received, 500U);
  EXPECT_EQ(report.lost, 0U);
  EXPECT_NOTHING_ARRIVED(siege.forged);
  services.reset(); // to which after the last `down` a packet is just a packet again
  fans.a.fanctl_must({"down", "--force", "250.0.0.0/8", "eth0/16"});
  siege.forged.come_round();
  EXPECT_NOTHING_ARRIVED(siege.forged) << "after the last down";
  EXPECT_GT(siege.forged.kinds().size(), 50U);
  EXPECT_GT(siege.forged.sent(), 300U);
}

// Without the table and without the guard the same packets do arrive: the test can see them.
TEST_P(Doors, WithoutTheTableAndTheGuardPlainForgeriesArriveUntilUp) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.up();
  const Container a = fans.container_a();
  siege.forged.come_round();
  EXPECT_NOTHING_ARRIVED(siege.forged);
  fans.a.must({"nft", "delete", "table", "inet", "fanctl"});
  EXPECT_TRUE(siege.forged.arrives("plain, uninvited from the underlay to a container"));
  EXPECT_TRUE(siege.forged.arrives("plain, uninvited from outside to a container"));
  siege.forged.come_round();
  EXPECT_EQ(siege.forged.arrived().find("plain, from"), std::string::npos)
      << siege.forged.arrived() << "the guard on the bridge refuses these by itself";
  fans.a.must({"tc", "qdisc", "del", "dev", "fan-250-0-27", "clsact"});
  EXPECT_TRUE(siege.forged.arrives("plain, from another slice to a container"));
  fans.a.fanctl_must(fans.line("up"));
  siege.forged.forget();
  siege.forged.come_round();
  EXPECT_NOTHING_ARRIVED(siege.forged);
}

// The tc filter is gone: what then arrives came from inside the overlay and for this slice, and nothing else does.
TEST_P(Doors, TheCoarseCheckHoldsWhereTheFilterIsGone) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.up();
  const Container a = fans.container_a();
  const ForgedTraffic::Handle services = siege.forged.watch_services(fans.a);
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  fans.a.must({"tc", "filter", "del", "dev", tunnel, "ingress"});
  EXPECT_TRUE(siege.forged.arrives(type() + ", another host's slice")) << "only the filter knows who owns which slice";
  siege.forged.come_round();
  const std::set<std::string> expected{type() + ", another host's slice",
                                       type() + ", another host's slice, to the gateway",
                                       type() + ", to the slice's broadcast", "vxlan, another network's number"};
  for (const std::string& kind : lines_of(siege.forged.arrived())) {
    EXPECT_EQ(expected.count(kind), 1U) << kind;
  }
  fans.a.fanctl_must(fans.line("up"));
  siege.forged.forget();
  siege.forged.come_round();
  EXPECT_NOTHING_ARRIVED(siege.forged);
}

// One rule at a time is taken away, and the door that it shuts stands open until the next `up`.
TEST_P(Doors, EachRuleIsWhatShutsItsDoor) {
  Siege siege(GetParam());
  FanPair& fans = siege.fans;
  siege.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  struct Door {
    const Host& host;
    std::vector<const char*> flushed; // chains
    std::string kind;
  };
  const std::vector<Door> doors{
      {fans.a, {"input"}, type() + ", by a wrong device, to 172.30.0.27"},
      {fans.b, {"output"}, "a process of the peer"},
      {fans.b, {"prerouting", "forward"}, type() == "ipip" ? "container, protocol 4" : "container, to the port"},
  };
  for (const Door& door : doors) {
    SCOPED_TRACE(door.kind);
    siege.forged.come_round();
    EXPECT_NOTHING_ARRIVED(siege.forged);
    for (const char* chain : door.flushed) {
      door.host.must({"nft", "flush", "chain", "inet", "fanctl", chain});
    }
    door.host.must(
        {"conntrack", "-F"}); // protocol 4 has no ports: a flow of the door before leaves no room for this one's
    EXPECT_TRUE(siege.forged.arrives(door.kind)) << siege.forged.arrived();
    door.host.fanctl_must(fans.line("up"));
    siege.forged.forget();
  }
  siege.forged.come_round();
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
  siege.handles.push_back(siege.forged.from_container(thief, *Address::parse("172.17.0.2"), siege.victim));
  EXPECT_TRUE(sent.reached(5, std::chrono::seconds(60))) << "before `up` nothing stops it, and conntrack learns";
  EXPECT_NE(b.must({"conntrack", "-L"}).find("172.17.0.2"), std::string::npos);
  siege.up();
  const Container a = fans.container_a();
  const Container c = fans.container_b();
  const ForgedTraffic::Handle services = siege.forged.watch_services(fans.a);
  EXPECT_TRUE(pings(a, at_b));
  UdpStream stream(a, c, at_b); // the peer's tunnel packets, which the thief would like
  EXPECT_TRUE(stream.reached(500));
  siege.forged.come_round();
  EXPECT_EQ(stream.stop().lost, 0U);
  EXPECT_EQ(heard.count(), 0U);
  EXPECT_NOTHING_ARRIVED(siege.forged);
}

// A peer that receives both encapsulations would believe what this host translates of a container's in the other one.
TEST_P(Doors, AContainerDoesNotSpeakTheEncapsulationThatItsHostDoesNotReceive) {
  FanPair fans(type());
  fans.up();
  const Container b = fans.container_b();
  const Bytes lie = text("believe me");
  const Capture heard(fans.a, "eth0", [&](const Frame& f) {
    return !f.outgoing && std::search(f.bytes.begin(), f.bytes.end(), lie.begin(), lie.end()) != f.bytes.end();
  });
  const Ipv4 outer{.source = at_b, .destination = fans.a.address};
  Ipv4 as_ipip = outer;
  as_ipip.protocol = protocol_ipip;
  const Bytes inner = ipv4({.source = at_b, .destination = at_a}, udp(7, 7, lie));
  RawSender sender = RawSender::packets(b);
  sender.start({ipv4(as_ipip, inner), ipv4(outer, udp(7, 8472, lie)), ipv4(outer, udp(8472, 7, lie))});
  pause_for(std::chrono::milliseconds(500));
  EXPECT_EQ(heard.count(), 0U);
  fans.b.must({"nft", "flush", "chain", "inet", "fanctl", "passing"});
  EXPECT_TRUE(heard.reached(3)) << "nothing else stops it: the test sees what it looks for";
  EXPECT_GT(sender.stop(), 0U);
}

TEST_P(Doors, AForeignFilterBeforeOursIsSeenAndUpPutsOursFirst) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  // Among filters of one preference the newest is the first.
  fans.a.must({"tc", "filter", "add", "dev", tunnel, "ingress", "pref", "1", "protocol", "all", "bpf", "bytecode",
               "1,6 0 0 4294967295", "classid", "1:1"});
  const Outcome seen = fans.a.fanctl({"show", "--check", "-v"});
  EXPECT_EQ(seen.status, 8);
  EXPECT_NE(seen.out.find("behind another filter"), std::string::npos) << seen.out;
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0) << fans.a.fanctl({"show", "-v"}).out;
  const std::string filters = fans.a.must({"tc", "filter", "show", "dev", tunnel, "ingress"});
  ASSERT_NE(filters.find("bytecode"), std::string::npos) << "theirs is kept: " << filters;
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

// A container keeps its marks on the way out of its namespace when its device is a macvlan upon one of the host's,
// whose veth peer is the port: the host sees them. So it does what is sent by that veth peer, as here. They are our
// programs' to give, by tunnel devices alone.
TEST_P(Doors, OurMarksMeanNothingByAnotherDevice) {
  FanPair fans(type());
  fans.up();
  const Container b = fans.container_b();
  const Container honest = fans.container_a();
  fans.a.ip({"link add p0 type veth peer name p1", "link set p0 master fan-250-0-27 up", "link set p1 up"});
  fans.a.must({"nft",
               "add table ip seen { counter marked { } ; chain pre { type filter hook prerouting priority -400 ; "
               "ip saddr 250.0.66.2 meta mark & 0xffffff00 == 0x0fa70000 counter name marked ; } ; }"});
  const auto from_liar = [](const Frame& f) { return !f.outgoing && f.source() == *Address::parse("250.0.66.2"); };
  const Capture at_container(b, "eth0", from_liar);
  const Socket service(fans.a, SOCK_DGRAM);
  ASSERT_EQ(service.bind_to(Address(), 7), 0);
  const Mac bridge = mac_of(fans.a, "fan-250-0-27");
  const auto packet = [&](const char* source, Address destination) {
    return ethernet(*Mac::parse("02:00:00:00:00:09"), bridge, 0x0800,
                    ipv4({.source = *Address::parse(source), .destination = destination}, udp(7, 7, text("a lie"))));
  };
  RawSender sender = RawSender::frames(fans.a, "p1");
  char byte = 0;
  for (std::uint32_t mark = 0x0fa70000; mark <= 0x0fa70007; ++mark) {
    SCOPED_TRACE(mark);
    sender.mark(mark);
    EXPECT_EQ(sender.send(packet("250.0.66.2", gateway_a)), 0);
    EXPECT_EQ(sender.send(packet("250.0.66.2", at_b)), 0);
    EXPECT_TRUE(pings(honest, at_b, {}, 1)); // what was sent before has come by then, if it comes
    EXPECT_EQ(recv(service.fd(), &byte, 1, MSG_DONTWAIT), -1) << "a service of the host was given it";
  }
  EXPECT_EQ(at_container.count(), 0U);
  EXPECT_NE(fans.a.must({"nft", "list", "counter", "ip", "seen", "marked"}).find("packets 16 "), std::string::npos);
  sender.mark(0);
  EXPECT_EQ(sender.send(packet("250.0.27.9", gateway_a)), 0);
  EXPECT_TRUE(eventually([&] { return recv(service.fd(), &byte, 1, MSG_DONTWAIT) == 1; })) << "the test sees nothing";
}

} // namespace
} // namespace fan::test
