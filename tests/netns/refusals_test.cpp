// Each refusal of a receiver on a real wire: its counter rises by what was sent, no other does, `show --refused` names
// who, and nothing arrives.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/raw_sender.h"

namespace fan::test {
namespace {

using Json = nlohmann::json;
using Counts = std::map<std::string, std::uint64_t>; // refusals on the way in, by name

constexpr std::uint16_t forged_id = 0xfa6e; // of every inner packet
constexpr unsigned how_many = 5;
constexpr std::uint32_t vni = 16384001;
const Mac unicast{{0x0e, 0x11, 0x22, 0x33, 0x44, 0x55}};
const Mac broadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
const Mac source_mac{{0x0e, 0, 0, 0, 0, 0x66}};

Address ip(const char* text) {
  return *Address::parse(text);
}

Bytes inner(const char* source, const char* destination, std::uint8_t protocol = protocol_udp, std::uint16_t port = 7) {
  Ipv4 header{ip(source), ip(destination), protocol};
  header.id = forged_id;
  return ipv4(header, protocol == protocol_udp ? udp(7, port, text("forged")) : Bytes(40, 0));
}

Bytes good() {
  return inner("250.0.27.2", "250.0.28.2");
}

Bytes with(Bytes packet, std::size_t at, std::uint8_t value) {
  packet[at] = value;
  return packet;
}

Bytes tagged(const Bytes& packet) {
  Bytes rest(packet.size() + 4);
  rest[1] = 5;    // the VLAN
  rest[2] = 0x08; // IPv4
  std::copy(packet.begin(), packet.end(), rest.begin() + 4);
  return rest;
}

// One that captures would see at an endpoint, whatever has become of the rest.
bool is_forged(const Frame& frame) {
  const auto packet = frame.ipv4();
  return !packet.empty() && packet[4] == (forged_id >> 8U) && packet[5] == (forged_id & 0xffU);
}

// What is sent, from the outside in.
struct Forged {
  Bytes packet = good(); // inner
  const char* outer_source = "172.30.0.27";
  const char* outer_destination = "172.30.0.28";
  std::uint8_t ttl = 255;
  std::uint32_t vxlan_vni = vni;
  Mac inner_destination = unicast;
  std::uint16_t inner_type = 0x0800;
};

struct Case {
  const char* reason; // whose counter rises
  const char* what;
  Forged forged;
};

class Refusals : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (IsSkipped()) {
      return;
    }
    fans.emplace(type());
    attacker = &fans->underlay.host("172.30.0.66/16");
    target = *Mac::parse(link_field(fans->b, "eth0", "link/ether"));
    sender.emplace(RawSender::frames(*attacker, "eth0"));
  }

  [[nodiscard]] static bool is_vxlan() { return GetParam() == Encapsulation::vxlan; }

  [[nodiscard]] Bytes frame(const Forged& f, Encapsulation over) const {
    Ipv4 outer{ip(f.outer_source), ip(f.outer_destination), protocol_ipip, f.ttl};
    if (over == Encapsulation::ipip) {
      return ethernet(source_mac, target, 0x0800, ipv4(outer, f.packet));
    }
    outer.protocol = protocol_udp;
    const Bytes frame = ethernet(source_mac, f.inner_destination, f.inner_type, f.packet);
    return ethernet(source_mac, target, 0x0800, ipv4(outer, udp(50000, 8472, vxlan(f.vxlan_vni, frame))));
  }

  void send(const Forged& forged, Encapsulation over = GetParam()) {
    for (unsigned n = 0; n < how_many; ++n) {
      ASSERT_EQ(sender->send(frame(forged, over)), 0);
    }
  }

  [[nodiscard]] Json shown() const {
    return Json::parse(fans->b.fanctl_must({"show", "--stats", "--refused", "--json"}));
  }

  static Counts counts(const Json& document) {
    Counts found;
    for (const Json& one : document["stats"]) {
      if (one["refused"] && one["direction"] == "in") {
        found[one["reason"]] = one["packets"];
      }
    }
    return found;
  }

  static std::uint64_t blamed(const Json& document, const std::string& reason, const std::string& outer_source) {
    for (const Json& one : document["refused"]) {
      if (one["reason"] == reason && one["outer_source"] == outer_source) {
        return one["packets"];
      }
    }
    return 0;
  }

  // Sends each case, and looks what it was counted as. The look after one case is the look before the next.
  void expect_counted(const std::vector<Case>& cases, Encapsulation over = GetParam()) {
    const ForgedTraffic::Handle alone = fans->underlay.forged().pause();
    Json before = shown();
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string(c.reason) + ": " + c.what);
      send(c.forged, over);
      Json after = shown();
      const auto arrived = [&] { return counts(after)[c.reason] >= counts(before)[c.reason] + how_many; };
      EXPECT_TRUE(eventually([&] { // the frames are on their way through the switch
        if (!arrived()) {
          after = shown();
        }
        return arrived();
      }));
      Counts expected = counts(before);
      expected[c.reason] += how_many;
      EXPECT_EQ(counts(after), expected);
      EXPECT_EQ(blamed(after, c.reason, c.forged.outer_source),
                blamed(before, c.reason, c.forged.outer_source) + how_many);
      before = std::move(after);
    }
  }

  std::optional<FanPair> fans;
  Host* attacker = nullptr;
  Mac target;
  std::optional<RawSender> sender;
};
FAN_OVER_EACH_AND_BY_SHORTCUT(Refusals);

TEST_P(Refusals, WhatIsWrongInsideIsCountedAndNothingArrives) {
  fans->up();
  const Container b = fans->container_b();
  const Capture at_container(b, "eth0", is_forged);
  const Capture at_bridge(fans->b, "fan-250-0-28", is_forged);
  const Forged from_attacker{good(), "172.30.0.66"};
  expect_counted({
      {"in-source-forged", "the slice of another host", from_attacker},
      {"in-source-forged", "the host itself", {inner("250.0.28.3", "250.0.28.2"), "172.30.0.66"}},
      {"in-source-unknown", "the world", {inner("198.51.100.9", "250.0.28.2")}},
      {"in-source-unknown", "an underlay address", {inner("172.30.0.27", "250.0.28.2")}},
      {"in-source-unusable", "network address", {inner("250.0.27.0", "250.0.28.2")}},
      {"in-source-unusable", "broadcast address", {inner("250.0.27.255", "250.0.28.2")}},
      {"in-destination", "another host's slice", {inner("250.0.27.2", "250.0.29.2")}},
      {"in-destination", "network address", {inner("250.0.27.2", "250.0.28.0")}},
      {"in-destination", "broadcast address", {inner("250.0.27.2", "250.0.28.255")}},
      {"in-destination", "the host's underlay address", {inner("250.0.27.2", "172.30.0.28")}},
      {"in-not-unicast", "from loopback", {inner("127.0.0.1", "250.0.28.2")}},
      {"in-not-unicast", "from a group", {inner("224.0.0.9", "250.0.28.2")}},
      {"in-not-unicast", "to a group", {inner("250.0.27.2", "224.0.0.9")}},
      {"in-not-unicast", "to everybody", {inner("250.0.27.2", "255.255.255.255")}},
      {"in-tunnel-in-tunnel", "protocol 4 to the gateway", {inner("250.0.27.2", "250.0.28.1", protocol_ipip)}},
      {"in-tunnel-in-tunnel", "GRE to the gateway", {inner("250.0.27.2", "250.0.28.1", 47)}},
      {"in-tunnel-in-tunnel", "vxlan to the gateway", {inner("250.0.27.2", "250.0.28.1", protocol_udp, 8472)}},
      {"in-malformed", "longer than the packet", {with(good(), 2, 0x7f)}},
      {"in-malformed", "header of 16 bytes", {with(good(), 0, 0x44)}},
  });
  EXPECT_EQ(at_container.count(), 0U);
  EXPECT_EQ(at_bridge.count(), 0U);
  send({}); // the one that is right arrives, so the captures see
  EXPECT_TRUE(at_container.reached(how_many));
}

// What has an Ethernet header inside.
class RefusalsOfFrames : public Refusals {};
INSTANTIATE_TEST_SUITE_P(Over, RefusalsOfFrames,
                         ::testing::Values(Encapsulation::vxlan, Over{Encapsulation::vxlan, true}),
                         [](const auto& info) { return info.param.name(); });

TEST_P(RefusalsOfFrames, AreCountedAndNothingArrives) {
  fans->up();
  const Container b = fans->container_b();
  const Capture at_container(b, "eth0", is_forged);
  Forged tag{tagged(good())};
  tag.inner_type = 0x8100;
  Forged group;
  group.inner_destination = broadcast;
  Forged ipv6{with(Bytes(60, 0), 0, 0x60)};
  ipv6.inner_type = 0x86dd;
  Forged arp{Bytes(28, 1)};
  arp.inner_type = 0x0806;
  Forged lxd;
  lxd.vxlan_vni = vni ^ 1U;
  expect_counted({
      {"in-vni", "a bridged LXD fan's", lxd},
      {"in-vlan", "a tag", tag},
      {"in-mac", "a frame for everybody", group},
      {"in-not-ipv4", "IPv6", ipv6},
      {"in-not-ipv4", "ARP", arp},
      {"in-malformed", "version 6 in a frame that says IPv4", {with(good(), 0, 0x65)}},
  });
  EXPECT_EQ(at_container.count(), 0U);
}

// Newer kernels drop most of these before any program sees them, older ones none, so nothing is said of counters.
TEST_P(Refusals, TruncatedTunnelPacketsArriveNowhereAndStopNothing) {
  fans->up();
  const Container a = fans->container_a();
  const Container b = fans->container_b();
  const Capture at_container(b, "eth0", is_forged);
  const Bytes whole = frame({}, GetParam());
  for (std::size_t length = 34; length < whole.size(); length += 3) { // from the end of the outer header on
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(sender->send(cut), 0) << length; // the outer length says more
    Ipv4 outer{ip("172.30.0.27"), ip("172.30.0.28"), is_vxlan() ? protocol_udp : protocol_ipip, 255};
    const Bytes payload(cut.begin() + 34, cut.end());
    EXPECT_EQ(sender->send(ethernet(source_mac, target, 0x0800, ipv4(outer, payload))), 0) << length; // it says so
  }
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_EQ(at_container.count(), 0U);
}

// The slice's own route dies with its bridge, and what is for the slice then matches the overlay's, back into the
// tunnel: it has to end there, and not go round between hosts (RFC 5969 section 12 asks for a null route).
TEST_P(Refusals, WhileItsBridgeIsDownWhatIsForTheSliceGoesNowhere) {
  fans->up();
  const Container b = fans->container_b();
  const bool vxlan = is_vxlan();
  const Capture into_tunnels(fans->b, "eth0", [vxlan](const Frame& frame) {
    return frame.outgoing && (vxlan ? frame.destination_port() == 8472 : frame.protocol() == protocol_ipip);
  });
  const Capture at_container(b, "eth0", is_forged);
  const ForgedTraffic::Handle alone = fans->underlay.forged().pause();
  const auto refused_out = [&](const std::string& reason) {
    const Json document = shown();
    for (const Json& one : document["stats"]) {
      if (one["direction"] == "out" && one["reason"] == reason) {
        return one["packets"].get<std::uint64_t>();
      }
    }
    return std::uint64_t{0};
  };
  fans->b.ip({"link set fan-250-0-28 down"});
  const std::uint64_t of_ours = refused_out("out-ourselves");
  EXPECT_FALSE(fans->b.run({"ping", "-c", "1", "-W", "1", "250.0.28.9"}).ok());
  EXPECT_GT(refused_out("out-ourselves"), of_ours) << "a process of the host";
  const std::uint64_t of_others = refused_out("out-source");
  send({});
  EXPECT_TRUE(eventually([&] { return refused_out("out-source") >= of_others + how_many; })) << "out of the tunnel";
  EXPECT_EQ(into_tunnels.count(), 0U);
  fans->b.fanctl_must(fans->line("up"));
  send({});
  EXPECT_TRUE(at_container.reached(how_many));
}

TEST_P(Refusals, FromTooFarAway) {
  fans->up({"ttl-security", "2"});
  const Container b = fans->container_b();
  const Capture at_container(b, "eth0", is_forged);
  Forged far;
  far.ttl = 253;
  expect_counted({{"in-ttl", "three hops", far}});
  EXPECT_EQ(at_container.count(), 0U);
  far.ttl = 254;
  send(far);
  EXPECT_TRUE(at_container.reached(how_many));
}

TEST_P(Refusals, ForAnotherAddressOfTheHost) {
  fans->b.ip({"addr add 172.30.0.38/16 dev eth0"});
  fans->b.fanctl_must({"up", "250.0.0.0/8", "172.30.0.0/16", "type", type()});
  const Container b = fans->container_b();
  const Capture at_container(b, "eth0", is_forged);
  Forged other;
  other.outer_destination = "172.30.0.38"; // a fan's address, but not that of the slice
  expect_counted({{"in-outer-destination", "the second slice's", other}});
  EXPECT_EQ(at_container.count(), 0U);
}

TEST_P(Refusals, FromOutsideTheUnderlayAlsoWithoutTheFirewall) {
  fans->up();
  const Container b = fans->container_b();
  const Capture at_container(b, "eth0", is_forged);
  const Forged outside{inner("250.0.27.2", "250.0.28.2"), "198.51.100.1"};
  const ForgedTraffic::Handle alone = fans->underlay.forged().pause(); // also while the firewall is gone
  fans->b.must({"nft", "reset", "counter", "inet", "fanctl", "misdelivered"});
  const Counts before = counts(shown());
  send(outside);
  EXPECT_TRUE(eventually([&] {
    return fans->b.must({"nft", "list", "counter", "inet", "fanctl", "misdelivered"}).find("packets 5") !=
           std::string::npos;
  }));
  EXPECT_EQ(counts(shown()), before) << "the firewall stands before the program";
  fans->b.must({"nft", "delete", "table", "inet", "fanctl"});
  expect_counted({{"in-outer-source", "an address of nobody", outside}});
  EXPECT_EQ(at_container.count(), 0U);
}

TEST_P(Refusals, OfAnEncapsulationThatTheFanDoesNotAccept) {
  const Encapsulation other = is_vxlan() ? Encapsulation::ipip : Encapsulation::vxlan;
  if (!kernel_has(other)) {
    GTEST_SKIP() << "no-" << name_of(other) << ": this kernel has no " << name_of(other);
  }
  fans->up();
  const Container b = fans->container_b();
  const Capture at_container(b, "eth0", is_forged);
  // Another fan of the host has the other encapsulation, so there is a device for it.
  fans->b.fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", std::string(name_of(other))});
  expect_counted({{"in-encapsulation", "the other fan's", {}}}, other);
  EXPECT_EQ(at_container.count(), 0U);
}

} // namespace
} // namespace fan::test
