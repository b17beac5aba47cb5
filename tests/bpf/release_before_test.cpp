// What the release before this one sends, wrote into maps and called things, as it was then: frozen. A fleet is
// upgraded host by host, and a host finds what its last fanctl left. Nothing here follows the sources: who changes a
// line of it changes what hosts that are running rely on (docs/compatibility.md).
#include <linux/pkt_cls.h>

#include <cstddef>

#include <gtest/gtest.h>

#include "bench.h"

namespace fan::test {
namespace {

Address at(const char* text) {
  return *Address::parse(text);
}

const Prefix overlay = Prefix::of(at("250.0.0.0"), 8);
const Prefix underlay = Prefix::of(at("172.30.0.0"), 16);

// The frame of docs/wire.md: an echo request from 250.0.27.1 to 250.0.28.1, behind the VXLAN header that a host of the
// release before wrote.
const Bytes frame_of_then{0x02, 0xfa, 0xff, 0xff, 0xff, 0xfe, 0x02, 0xfa, 0xac, 0x1e, 0x00, 0x1b,
                          0x08, 0x00,                                                             // Ethernet
                          0x45, 0x00, 0x00, 0x24, 0x00, 0x00, 0x40, 0x00, 0x40, 0x01, 0x0f, 0xd6, // IPv4
                          0xfa, 0x00, 0x1b, 0x01, 0xfa, 0x00, 0x1c, 0x01,                         // addresses
                          0x08, 0x00, 0x61, 0x1c, 0x35, 0xe2, 0x00, 0x01, 0x61, 0x00, 0x00, 0x00, // ICMP
                          0x00, 0x00, 0x00, 0x00};

// Its outer header: from 172.30.0.27 to 172.30.0.28, VNI 16384001, TTL 255.
const test_key key_of_then{1, 0xac1e001b, 0xac1e001c, 16384001, 255, 0, 0};

// `host`: the last byte of its address.
SliceRow slice_of(std::uint32_t host) {
  SliceRow row;
  row.slice = Prefix::of(Address(0xfa000000 | host << 8U), 24);
  row.host = Address(0xac1e0000 | host);
  row.overlay = overlay;
  row.underlay = underlay;
  row.vni = 16384001;
  row.accept_ipip = true;
  row.accept_vxlan = true;
  row.port = 8472;
  row.least_ttl = 255;
  row.strict = true; // the strictest there is
  return row;
}

TEST(ReleaseBefore, WhatItSendsIsLetIn) {
  Bench host;
  host.row(slice_of(28));
  host.row(MappingRow{overlay, underlay, 16384001, Encapsulation::vxlan});
  for (const Verdict& verdict :
       {host.from_vxlan(frame_of_then, key_of_then), host.from_ipip(frame_of_then, key_of_then)}) {
    EXPECT_EQ(verdict.action, TC_ACT_OK);
    EXPECT_EQ(verdict.raised, std::vector<std::string>{"in-accepted"});
  }
}

TEST(ReleaseBefore, WhatIsSentToItIsWhatItLetsIn) {
  Bench host;
  host.row(slice_of(27));
  host.row(MappingRow{overlay, underlay, 16384001, Encapsulation::vxlan});
  test_key key{};
  EXPECT_EQ(host.into_vxlan(frame_of_then, &key).action, TC_ACT_OK);
  EXPECT_EQ(key.outer_destination, key_of_then.outer_destination);
  EXPECT_EQ(key.vni, key_of_then.vni);
  EXPECT_EQ(key.ttl, key_of_then.ttl);
}

// Sizes and offsets of what is in the kernel while a host is upgraded, by the names of the maps that hold it.
TEST(ReleaseBefore, ItsMapsAreReadAsTheyWereWritten) {
  EXPECT_STREQ(FAN_MAP_RECORDS, "fan_records");
  EXPECT_EQ(sizeof(fan_record_key), 16U);
  EXPECT_EQ(sizeof(fan_record), 1004U);
  EXPECT_EQ(offsetof(fan_record, text), 4U);
  if (std::string_view(FAN_MAP_SLICES) != "fan_slices_v1") {
    return; // another layout, under another name: nobody reads these by mistake
  }
  EXPECT_STREQ(FAN_MAP_MAPPINGS, "fan_mappings_v1");
  EXPECT_STREQ(FAN_MAP_NEVER, "fan_never_v1");
  EXPECT_STREQ(FAN_MAP_KNOWN, "fan_known_v1");
  EXPECT_STREQ(FAN_MAP_DEVICES, "fan_devices_v1");
  EXPECT_STREQ(FAN_MAP_COUNTERS, "fan_counters_v1");
  EXPECT_STREQ(FAN_MAP_REFUSED, "fan_refused_v1");
  EXPECT_STREQ(FAN_MAP_ANSWERS, "fan_answers_v1");
  EXPECT_EQ(sizeof(fan_lpm_key), 20U);
  EXPECT_EQ(sizeof(fan_mapping), 40U);
  EXPECT_EQ(offsetof(fan_mapping, underlay), 16U);
  EXPECT_EQ(offsetof(fan_mapping, vni), 32U);
  EXPECT_EQ(offsetof(fan_mapping, encapsulation), 38U);
  EXPECT_EQ(sizeof(fan_slice), 80U);
  EXPECT_EQ(offsetof(fan_slice, host), 16U);
  EXPECT_EQ(offsetof(fan_slice, overlay), 32U);
  EXPECT_EQ(offsetof(fan_slice, underlay), 48U);
  EXPECT_EQ(offsetof(fan_slice, vni), 64U);
  EXPECT_EQ(offsetof(fan_slice, reserve), 68U);
  EXPECT_EQ(offsetof(fan_slice, port), 72U);
  EXPECT_EQ(offsetof(fan_slice, length), 74U);
  EXPECT_EQ(offsetof(fan_slice, overlay_length), 75U);
  EXPECT_EQ(offsetof(fan_slice, underlay_length), 76U);
  EXPECT_EQ(offsetof(fan_slice, flags), 77U);
  EXPECT_EQ(offsetof(fan_slice, least_ttl), 78U);
  EXPECT_EQ(FAN_ACCEPT_IPIP, 1);
  EXPECT_EQ(FAN_ACCEPT_VXLAN, 2);
  EXPECT_EQ(FAN_STRICT, 4);
  EXPECT_EQ(FAN_OPEN, 8);
  EXPECT_EQ(sizeof(fan_known_key), 24U);
  EXPECT_EQ(sizeof(fan_counter), 16U);
  EXPECT_EQ(sizeof(fan_refused_key), 20U);
  EXPECT_EQ(sizeof(fan_refused), 48U);
}

// The counters have no names in the kernel: their places are what they mean.
TEST(ReleaseBefore, ItsCountersStandWhereTheyStood) {
  const char* const then[] = {"in-accepted",
                              "in-no-key",
                              "in-outer-destination",
                              "in-encapsulation",
                              "in-vni",
                              "in-outer-source",
                              "in-ttl",
                              "in-vlan",
                              "in-mac",
                              "in-not-ipv4",
                              "in-malformed",
                              "in-not-unicast",
                              "in-source-unknown",
                              "in-source-forged",
                              "in-source-unusable",
                              "in-destination",
                              "in-tunnel-in-tunnel",
                              "in-isolated",
                              "out-sent",
                              "out-not-ipv4",
                              "out-malformed",
                              "out-source",
                              "out-destination",
                              "out-not-endpoint",
                              "out-ourselves",
                              "out-broadcast",
                              "out-key",
                              "out-too-big",
                              "out-too-big-silent",
                              "out-isolated",
                              "guard-forged",
                              "guard-isolated"};
  const char* const now[] = {
#define FAN_REASON_NAME(symbol, name, text) name,
      FAN_REASONS(FAN_REASON_NAME)
#undef FAN_REASON_NAME
  };
  if (FAN_ABI != 1) {
    return; // other maps, other places
  }
  ASSERT_EQ(std::size(now), std::size(then)) << "a new reason raises FAN_ABI (libfan/bpf/fan_abi.h)";
  for (std::size_t n = 0; n < std::size(then); ++n) {
    EXPECT_STREQ(now[n], then[n]);
  }
}

} // namespace
} // namespace fan::test
