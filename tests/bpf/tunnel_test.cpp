// Every reason by a packet that raises its counter by one and no other, and what is let through. Two hosts, 172.30.0.27
// (the sender) and 172.30.0.28 (this one), of the overlay 250.0.0.0/8; and a second overlay, 251.0.0.0/8
// over 10.99.0.0/16.
#include <gtest/gtest.h>

#include <linux/pkt_cls.h>

#include <functional>
#include <ostream>
#include <thread>

#include "bench.h"
#include "core/ruleset.h"

namespace fan::test {
namespace {

using Names = std::vector<std::string>;

const Prefix overlay = Prefix::of(Address(0xfa000000), 8);
const Prefix underlay = Prefix::of(Address(0xac1e0000), 16);
const Mac from_mac{{2, 0xfa, 0, 0, 0, 0x1b}};
const Mac to_mac{{2, 0xfa, 0, 0, 0, 0x1c}};
const Mac everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::size_t ip_at = 14;

Address at(const char* text) {
  return *Address::parse(text);
}

SliceRow slice_row() {
  SliceRow row;
  row.slice = Prefix::of(at("250.0.28.0"), 24);
  row.host = at("172.30.0.28");
  row.overlay = overlay;
  row.underlay = underlay;
  row.vni = default_vni(overlay);
  row.accept_ipip = true;
  row.accept_vxlan = true;
  row.reserve = 2;
  row.port = default_vxlan_port;
  return row;
}

// The outer header of a packet from 172.30.0.27.
test_key good_key() {
  return {1, at("172.30.0.27").v4(), at("172.30.0.28").v4(), default_vni(overlay), 255, 0, 0};
}

Bytes packet(const char* source, const char* destination, std::uint8_t protocol = protocol_udp) {
  const Bytes payload = protocol == protocol_udp ? udp(1000, 2000, text("hello")) : text("twenty bytes at least");
  return ethernet(from_mac, to_mac, type_ipv4, ipv4({at(source), at(destination), protocol}, payload));
}

Bytes incoming() {
  return packet("250.0.27.2", "250.0.28.5");
}

Bytes to_port(const char* destination, std::uint16_t port) {
  return ethernet(from_mac, to_mac, type_ipv4,
                  ipv4({at("250.0.27.2"), at(destination)}, udp(1000, port, text("vxlan"))));
}

Bytes spoiled(std::size_t offset, std::uint8_t value) {
  Bytes frame = incoming();
  frame.at(ip_at + offset) = value;
  return frame;
}

class Host : public Bench {
public:
  explicit Host(const std::function<void(SliceRow&)>& change = {}) {
    SliceRow row = slice_row();
    if (change) {
      change(row);
    }
    row_(row);
    const Prefix other = Prefix::of(at("251.0.0.0"), 8);
    this->row(MappingRow{other, Prefix::of(at("10.99.0.0"), 16), default_vni(other), Encapsulation::vxlan});
    this->row(MappingRow{overlay, underlay, default_vni(overlay), Encapsulation::vxlan});
  }

private:
  void row_(const SliceRow& row) { this->row(row); }
};

struct Case {
  const char* name;
  Bytes frame;
  test_key key;
  const char* reason;
  std::function<void(SliceRow&)> slice;
  bool vxlan_only = false;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

test_key key_with(const std::function<void(test_key&)>& change) {
  test_key key = good_key();
  change(key);
  return key;
}

std::vector<Case> incoming_cases() {
  const test_key key = good_key();
  const auto strict = [](SliceRow& row) { row.strict = true; };
  const auto open = [](SliceRow& row) { row.open = true; };
  Bytes cut = incoming();
  cut.resize(cut.size() - 1);
  Bytes fragment = to_port("250.0.28.1", default_vxlan_port);
  fragment.at(ip_at + 7) = 10; // fragment offset 80: has no port
  return {
      {"accepted", incoming(), key, "in-accepted", {}, false},
      {"from_the_other_overlay",
       packet("251.0.9.2", "250.0.28.5"),
       key_with([](test_key& k) { k.outer_source = at("10.99.0.9").v4(); }),
       "in-isolated",
       {},
       false},
      {"from_the_other_overlay_open", packet("251.0.9.2", "250.0.28.5"),
       key_with([](test_key& k) { k.outer_source = at("10.99.0.9").v4(); }), "in-accepted", open, false},
      {"no_key", incoming(), test_key{}, "in-no-key", {}, false},
      {"to_another_address",
       incoming(),
       key_with([](test_key& k) { k.outer_destination = at("172.30.0.29").v4(); }),
       "in-outer-destination",
       {},
       false},
      {"to_another_address_and_no_slice",
       packet("250.0.27.2", "250.0.29.5"),
       key_with([](test_key& k) { k.outer_destination = at("172.30.0.29").v4(); }),
       "in-outer-destination",
       {},
       false},
      {"vxlan_not_accepted", incoming(), key, "in-encapsulation",
       [](SliceRow& row) { row.accept_vxlan = row.accept_ipip = false; }, false},
      {"vni_of_a_bridged_fan", incoming(), key_with([](test_key& k) { k.vni = 16384000; }), "in-vni", {}, true},
      {"arp_with_vni_of_a_bridged_fan",
       ethernet(from_mac, everybody, 0x0806, text("an ARP request of 28 bytes..")),
       key_with([](test_key& k) { k.vni = 16384000; }),
       "in-vni",
       {},
       true},
      {"outer_source_outside_the_underlay",
       incoming(),
       key_with([](test_key& k) { k.outer_source = at("192.0.2.1").v4(); }),
       "in-outer-source",
       {},
       false},
      {"ttl_too_low", incoming(), key_with([](test_key& k) { k.ttl = 253; }), "in-ttl",
       [](SliceRow& row) { row.least_ttl = 254; }, false},
      {"ttl_just_enough", incoming(), key_with([](test_key& k) { k.ttl = 254; }), "in-accepted",
       [](SliceRow& row) { row.least_ttl = 254; }, false},
      {"vlan_tag", incoming(), key_with([](test_key& k) { k.vlan = 5; }), "in-vlan", {}, false},
      {"broadcast_frame",
       ethernet(from_mac, everybody, type_ipv4, ipv4({at("250.0.27.2"), at("250.0.28.5")}, text("x"))),
       key,
       "in-mac",
       {},
       false},
      {"multicast_frame",
       ethernet(from_mac, Mac{{1, 0, 0x5e, 0, 0, 1}}, type_ipv4, ipv4({at("250.0.27.2"), at("250.0.28.5")}, text("x"))),
       key,
       "in-mac",
       {},
       false},
      {"any_unicast_mac",
       ethernet(from_mac, Mac{{0xfe, 1, 2, 3, 4, 5}}, type_ipv4, ipv4({at("250.0.27.2"), at("250.0.28.5")}, text("x"))),
       key,
       "in-accepted",
       {},
       false},
      {"arp", ethernet(from_mac, to_mac, 0x0806, text("an ARP request of 28 bytes..")), key, "in-not-ipv4", {}, false},
      {"ipv6", ethernet(from_mac, to_mac, 0x86dd, Bytes(40)), key, "in-not-ipv4", {}, false},
      {"version_5", spoiled(0, 0x55), key, "in-malformed", {}, false},
      {"header_of_16_bytes", spoiled(0, 0x44), key, "in-malformed", {}, false},
      {"total_length_below_header",
       [] {
         Bytes f = spoiled(2, 0);
         f.at(ip_at + 3) = 19;
         return f;
       }(),
       key,
       "in-malformed",
       {},
       false},
      {"total_length_zero",
       [] {
         Bytes f = spoiled(2, 0);
         f.at(ip_at + 3) = 0;
         return f;
       }(),
       key,
       "in-malformed",
       {},
       false},
      {"longer_than_the_packet", cut, key, "in-malformed", {}, false},
      {"to_multicast", packet("250.0.27.2", "224.0.0.251"), key, "in-not-unicast", {}, false},
      {"to_everybody", packet("250.0.27.2", "255.255.255.255"), key, "in-not-unicast", {}, false},
      {"from_loopback", packet("127.0.0.1", "250.0.28.5"), key, "in-not-unicast", {}, false},
      {"from_nobody", packet("0.0.0.0", "250.0.28.5"), key, "in-not-unicast", {}, false},
      {"from_no_overlay", packet("8.8.8.8", "250.0.28.5"), key, "in-source-unknown", {}, false},
      {"from_another_hosts_slice", packet("250.0.26.2", "250.0.28.5"), key, "in-source-forged", {}, false},
      {"from_our_own_slice", packet("250.0.28.6", "250.0.28.5"), key, "in-source-forged", {}, false},
      {"from_our_own_slice_and_address",
       packet("250.0.28.6", "250.0.28.5"),
       key_with([](test_key& k) { k.outer_source = at("172.30.0.28").v4(); }),
       "in-source-forged",
       {},
       false},
      {"from_the_other_overlay_forged", packet("251.0.9.2", "250.0.28.5"), key, "in-source-forged", {}, false},
      {"from_a_slices_network_address", packet("250.0.27.0", "250.0.28.5"), key, "in-source-unusable", {}, false},
      {"from_a_slices_broadcast_address", packet("250.0.27.255", "250.0.28.5"), key, "in-source-unusable", {}, false},
      {"to_another_hosts_slice", packet("250.0.27.2", "250.0.29.5"), key, "in-destination", {}, false},
      {"forged_and_to_another_hosts_slice", packet("250.0.26.2", "250.0.29.5"), key, "in-source-forged", {}, false},
      {"from_nowhere_to_another_hosts_slice", packet("8.8.8.8", "250.0.29.5"), key, "in-source-unknown", {}, false},
      {"to_the_internet", packet("250.0.27.2", "8.8.8.8"), key, "in-destination", {}, false},
      {"to_our_underlay_address", packet("250.0.27.2", "172.30.0.28"), key, "in-destination", {}, false},
      {"to_the_slices_broadcast_address", packet("250.0.27.2", "250.0.28.255"), key, "in-destination", {}, false},
      {"to_the_slices_network_address", packet("250.0.27.2", "250.0.28.0"), key, "in-destination", {}, false},
      {"ipip_to_the_gateway", packet("250.0.27.2", "250.0.28.1", 4), key, "in-tunnel-in-tunnel", {}, false},
      {"sit_to_the_gateway", packet("250.0.27.2", "250.0.28.1", 41), key, "in-tunnel-in-tunnel", {}, false},
      {"gre_to_the_second_reserved", packet("250.0.27.2", "250.0.28.2", 47), key, "in-tunnel-in-tunnel", {}, false},
      {"vxlan_to_the_gateway", to_port("250.0.28.1", default_vxlan_port), key, "in-tunnel-in-tunnel", {}, false},
      {"vxlan_to_an_endpoint_strict", to_port("250.0.28.5", default_vxlan_port), key, "in-tunnel-in-tunnel", strict,
       false},
      {"ipip_to_an_endpoint_strict", packet("250.0.27.2", "250.0.28.5", 4), key, "in-tunnel-in-tunnel", strict, false},
      {"ipip_to_an_endpoint", packet("250.0.27.2", "250.0.28.3", 4), key, "in-accepted", {}, false},
      {"vxlan_to_an_endpoint", to_port("250.0.28.3", default_vxlan_port), key, "in-accepted", {}, false},
      {"other_port_to_the_gateway", to_port("250.0.28.1", 53), key, "in-accepted", {}, false},
      {"later_fragment_to_the_gateway", fragment, key, "in-accepted", {}, false},
  };
}

class Incoming : public testing::TestWithParam<Case> {};

void expect_verdict(const Verdict& verdict, const Case& c) {
  const bool accepted = std::string(c.reason) == "in-accepted";
  EXPECT_EQ(verdict.action, accepted ? TC_ACT_OK : TC_ACT_SHOT);
  EXPECT_EQ(verdict.raised, Names{c.reason});
  EXPECT_EQ(verdict.mark, accepted ? checked_mark : 0U) << "what the ruleset goes by";
}

TEST_P(Incoming, ByVxlan) {
  Host host(GetParam().slice);
  expect_verdict(host.from_vxlan(GetParam().frame, GetParam().key), GetParam());
}

TEST_P(Incoming, ByIpip) {
  if (GetParam().vxlan_only) {
    Host host;
    EXPECT_EQ(host.from_ipip(incoming(), GetParam().key).raised, Names{"in-accepted"})
        << "a VNI must mean nothing on ipip";
    return;
  }
  Host host(GetParam().slice);
  expect_verdict(host.from_ipip(GetParam().frame, GetParam().key), GetParam());
}

INSTANTIATE_TEST_SUITE_P(, Incoming, testing::ValuesIn(incoming_cases()),
                         [](const auto& info) { return info.param.name; });

TEST(Tunnel, EachEncapsulationIsAcceptedByItself) {
  Host vxlan([](SliceRow& row) { row.accept_ipip = false; });
  EXPECT_EQ(vxlan.from_vxlan(incoming(), good_key()).raised, Names{"in-accepted"});
  EXPECT_EQ(vxlan.from_ipip(incoming(), good_key()).raised, Names{"in-encapsulation"});
  Host ipip([](SliceRow& row) { row.accept_vxlan = false; });
  EXPECT_EQ(ipip.from_ipip(incoming(), good_key()).raised, Names{"in-accepted"});
  EXPECT_EQ(ipip.from_vxlan(incoming(), good_key()).raised, Names{"in-encapsulation"});
}

TEST(Tunnel, NothingIsAcceptedWithoutRows) {
  Bench empty;
  EXPECT_EQ(empty.from_vxlan(incoming(), good_key()).action, TC_ACT_SHOT);
  EXPECT_EQ(empty.into_vxlan(incoming()).raised, Names{"out-source"});
}

struct Out {
  const char* name;
  Bytes frame;
  const char* reason;
};
std::ostream& operator<<(std::ostream& out, const Out& c) {
  return out << c.name;
}

std::vector<Out> outgoing_cases() {
  Bytes version = packet("250.0.28.5", "250.0.27.2");
  version.at(ip_at) = 0x65;
  return {
      {"sent", packet("250.0.28.5", "250.0.27.2"), "out-sent"},
      {"from_the_gateway", packet("250.0.28.1", "250.0.27.2"), "out-sent"},
      {"into_the_other_overlay", packet("250.0.28.5", "251.0.9.2"), "out-isolated"},
      {"arp", ethernet(from_mac, to_mac, 0x0806, text("an ARP request of 28 bytes..")), "out-not-ipv4"},
      {"ipv6", ethernet(from_mac, to_mac, 0x86dd, Bytes(40)), "out-not-ipv4"},
      {"version_6_in_ipv4", version, "out-malformed"},
      {"from_elsewhere", packet("10.1.2.3", "250.0.27.2"), "out-source"},
      {"from_another_slice", packet("250.0.29.5", "250.0.27.2"), "out-source"},
      {"from_the_network_address", packet("250.0.28.0", "250.0.27.2"), "out-source"},
      {"from_the_broadcast_address", packet("250.0.28.255", "250.0.27.2"), "out-source"},
      {"to_no_overlay", packet("250.0.28.5", "8.8.8.8"), "out-destination"},
      {"to_multicast", packet("250.0.28.5", "224.0.0.251"), "out-destination"},
      {"to_a_remote_network_address", packet("250.0.28.5", "250.0.27.0"), "out-not-endpoint"},
      {"to_a_remote_broadcast_address", packet("250.0.28.5", "250.0.27.255"), "out-not-endpoint"},
      {"to_our_own_slice", packet("250.0.28.5", "250.0.28.6"), "out-ourselves"},
      {"to_another_slice_of_ours", packet("250.0.28.5", "250.0.30.6"), "out-ourselves"},
      {"to_the_underlays_network_address", packet("250.0.28.5", "250.0.0.2"), "out-broadcast"},
      {"to_the_underlays_broadcast_address", packet("250.0.28.5", "250.255.255.2"), "out-broadcast"},
      {"to_a_connected_prefixs_broadcast_address", packet("250.0.28.5", "250.1.255.2"), "out-broadcast"},
  };
}

class Outgoing : public testing::TestWithParam<Out> {
protected:
  Outgoing() {
    SliceRow second = slice_row();
    second.slice = Prefix::of(at("250.0.30.0"), 24);
    second.host = at("172.30.0.30");
    host.row(second);
    host.row(NeverRow{at("172.30.1.255")});
  }
  Host host;
};

void expect_sent(const Verdict& verdict, const Out& c) {
  const bool sent = std::string(c.reason) == "out-sent";
  EXPECT_EQ(verdict.action, sent ? TC_ACT_OK : TC_ACT_SHOT);
  EXPECT_EQ(verdict.raised, Names{c.reason});
  EXPECT_EQ(verdict.mark, sent ? tunnel_mark : 0U);
}

TEST_P(Outgoing, ByVxlan) {
  expect_sent(host.real_into_vxlan(GetParam().frame), GetParam());
}
TEST_P(Outgoing, ByIpip) {
  expect_sent(host.into_ipip(GetParam().frame), GetParam());
}

INSTANTIATE_TEST_SUITE_P(, Outgoing, testing::ValuesIn(outgoing_cases()),
                         [](const auto& info) { return info.param.name; });

constexpr std::uint32_t flag_df = 0x0100; // TUNNEL_DONT_FRAGMENT, include/net/ip_tunnels.h
constexpr std::uint32_t flag_checksum = 0x01;

TEST(Tunnel, OuterHeaderIsWorkedOut) {
  Host host([](SliceRow& row) { row.open = true; }); // for the other overlay
  test_key key{};
  host.into_vxlan(packet("250.0.28.5", "250.0.27.2"), &key);
  EXPECT_EQ(key.has_key, 1U);
  EXPECT_EQ(Address(key.outer_source).str(), "172.30.0.28");
  EXPECT_EQ(Address(key.outer_destination).str(), "172.30.0.27");
  EXPECT_EQ(key.vni, 16384001U);
  EXPECT_EQ(key.ttl, 255U);
  host.into_vxlan(packet("250.0.28.5", "251.1.9.2"), &key);
  EXPECT_EQ(Address(key.outer_destination).str(), "10.99.1.9");
  EXPECT_EQ(key.vni, 16449537U) << "the destination's mapping gives the VNI";
  key = {};
  host.into_ipip(packet("250.0.28.5", "250.0.27.2"), &key);
  EXPECT_EQ(Address(key.outer_source).str(), "172.30.0.28");
  EXPECT_EQ(Address(key.outer_destination).str(), "172.30.0.27");
  EXPECT_EQ(key.vni, 0U);
  EXPECT_EQ(key.ttl, 255U);
}

TEST(Tunnel, DontFragmentIsTheInnerPackets) {
  Host host;
  for (const bool df : {false, true}) {
    Ipv4 header{at("250.0.28.5"), at("250.0.27.2")};
    header.dont_fragment = df;
    const Bytes frame = ethernet(from_mac, to_mac, type_ipv4, ipv4(header, text("x")));
    test_key key{};
    host.into_vxlan(frame, &key);
    ASSERT_EQ(key.has_key, 1U);
    EXPECT_EQ((key.flags & flag_df) != 0, df);
    EXPECT_EQ(key.flags & flag_checksum, 0U) << "no UDP checksum over IPv4";
    key = {};
    host.into_ipip(frame, &key);
    EXPECT_EQ((key.flags & flag_df) != 0, df);
  }
}

TEST(Guard, LetsThroughOnlyWhatHasBeenCheckedOrIsFromHere) {
  constexpr std::uint32_t tunnel = 7;
  constexpr std::uint32_t bridge = 8;
  constexpr std::uint32_t nic = 9;
  Host host;
  host.device(tunnel, FAN_ROLE_TUNNEL);
  host.device(bridge, FAN_ROLE_BRIDGE);
  const Names refused{"guard-forged"};
  EXPECT_EQ(host.guard(incoming(), nic).raised, refused);
  EXPECT_EQ(host.guard(incoming(), nic).action, TC_ACT_SHOT);
  EXPECT_EQ(host.guard(packet("250.0.28.9", "250.0.28.5"), nic).raised, refused) << "our own slice's addresses too";
  EXPECT_EQ(host.guard(packet("251.0.1.9", "250.0.28.5"), nic).raised, refused) << "the other overlay's too";
  EXPECT_EQ(host.guard(incoming(), bridge).raised, refused) << "a container with another host's address";
  EXPECT_EQ(host.guard(incoming(), 0).raised, refused) << "a local process with another host's address";
  EXPECT_EQ(host.guard(incoming(), tunnel).action, TC_ACT_OK);
  EXPECT_EQ(host.guard(packet("250.0.28.9", "250.0.28.5"), bridge).action, TC_ACT_OK);
  EXPECT_EQ(host.guard(packet("250.0.28.1", "250.0.28.5"), 0).action, TC_ACT_OK);
  EXPECT_EQ(host.guard(packet("8.8.8.8", "250.0.28.5"), nic).action, TC_ACT_OK) << "the ruleset's business";
  EXPECT_EQ(host.guard(ethernet(from_mac, everybody, 0x0806, text("an ARP request of 28 bytes..")), 0).action,
            TC_ACT_OK);
}

TEST(Refused, SaysWhoAndWhatCameLast) {
  Host host;
  test_key forger = good_key();
  forger.outer_source = at("172.30.0.99").v4();
  host.from_vxlan(packet("250.0.27.2", "250.0.28.5"), forger);
  host.from_vxlan(packet("250.0.26.3", "250.0.28.6"), forger);
  const std::vector<bpf::Refusal> refused = host.refused();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused.at(0).reason, "in-source-forged");
  EXPECT_EQ(refused.at(0).outer_source.str(), "172.30.0.99");
  EXPECT_EQ(refused.at(0).inner_source.str(), "250.0.26.3");
  EXPECT_EQ(refused.at(0).inner_destination.str(), "250.0.28.6");
  EXPECT_EQ(refused.at(0).count, 2U);
  EXPECT_GT(refused.at(0).last_ns, 0U);
}

// Each finds nobody of that name, and one of the two comes too late to be the first.
TEST(Refused, LosesNoneOfTwoThatTwoProcessorsSeeFirstAtOnce) {
  if (std::thread::hardware_concurrency() < 2) {
    GTEST_SKIP() << "one-processor: nothing happens at once";
  }
  constexpr std::uint32_t nic = 9;
  for (int bench = 0; bench < 3; ++bench) {
    Host host;
    for (int round = 0; round < FAN_SAMPLE_ALL; ++round) { // all of which are remembered
      host.guard_twice_at_once(incoming(), nic);
      const std::vector<bpf::Refusal> refused = host.refused();
      ASSERT_EQ(refused.size(), 1U);
      ASSERT_EQ(refused.front().count, 2U) << "in round " << round;
      host.forget_refused();
    }
  }
}

// One CPU's flood is sampled: the estimate stays within one sample of the truth, and the counter is exact.
TEST(Refused, EstimatesAFlood) {
  Host host;
  test_key forger = good_key();
  forger.outer_source = at("172.30.0.99").v4();
  constexpr int flood = 1000;
  for (int n = 0; n < flood; ++n) {
    ASSERT_EQ(host.from_vxlan(incoming(), forger).raised.size(), 1U);
  }
  ASSERT_EQ(host.refused().size(), 1U);
  const double cpus = 2 * FAN_SAMPLE_ONE_IN; // the test may have moved between CPUs
  EXPECT_NEAR(static_cast<double>(host.refused().at(0).count), flood, 2 * cpus);
}

} // namespace
} // namespace fan::test
