// Path MTU in the program that sends: what fits a path of 1400 bytes is sent, what does not is answered, and how.
#include <gtest/gtest.h>

#include <linux/pkt_cls.h>

#include "bench.h"
#include "support/netns.h"

namespace fan::test {
namespace {

using Names = std::vector<std::string>;

constexpr std::size_t ip_at = 14;
constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::size_t path = 1400;
constexpr std::size_t in_vxlan = path - 50;
constexpr std::size_t in_ipip = path - 20;
const Names sent{"out-sent"};
const Names told{"out-too-big"};
const Names silent{"out-too-big-silent"};
const Mac mac{{2, 0xfa, 0, 0, 0, 0x1c}};

Address at(const char* text) {
  return *Address::parse(text);
}

// A packet of `length` bytes from an endpoint here to one of 172.30.0.27.
Bytes packet(std::size_t length, bool dont_fragment = true, std::uint8_t protocol = protocol_udp,
             const char* source = "250.0.28.5") {
  Ipv4 header{at(source), at("250.0.27.2"), protocol};
  header.dont_fragment = dont_fragment;
  return ethernet(mac, mac, type_ipv4, ipv4(header, Bytes(length - 20, 8)));
}

unsigned word(const Bytes& bytes, std::size_t offset) {
  return static_cast<unsigned>(bytes.at(offset) << 8U | bytes.at(offset + 1));
}

// 0xffff when the checksum among them is right.
unsigned sum_of(const Bytes& bytes, std::size_t from, std::size_t to) {
  unsigned sum = 0;
  for (std::size_t n = from; n < to; n += 2) {
    sum += word(bytes, n);
  }
  sum = (sum & 0xffffU) + (sum >> 16U);
  return (sum & 0xffffU) + (sum >> 16U);
}

class NarrowWay : public testing::Test {
protected:
  NarrowWay() : inside(netns) {
    const Prefix overlay = Prefix::of(at("250.0.0.0"), 8);
    const Prefix underlay = Prefix::of(at("172.30.0.0"), 16);
    netns.ip({"link add eth0 mtu 1400 type veth peer name wire", "link set wire up", "link set eth0 up",
              "addr add 172.30.0.28/16 dev eth0"});
    netns.set_sysctl("net/ipv4/conf/lo/forwarding", "1"); // packets of a test come from lo
    SliceRow row;
    row.slice = Prefix::of(at("250.0.28.0"), 24);
    row.host = at("172.30.0.28");
    row.overlay = overlay;
    row.underlay = underlay;
    row.vni = default_vni(overlay);
    bench.row(row);
    bench.row(MappingRow{overlay, underlay, row.vni, Encapsulation::vxlan});
  }
  Netns netns;
  Inside inside;
  Bench bench;
};

TEST_F(NarrowWay, TheLargestThatFitsIsSentAndOneByteMoreIsNot) {
  EXPECT_EQ(bench.real_into_vxlan(packet(in_vxlan)).raised, sent);
  EXPECT_EQ(bench.real_into_vxlan(packet(in_vxlan + 1)).raised, told);
  EXPECT_EQ(bench.into_ipip(packet(in_ipip)).raised, sent);
  EXPECT_EQ(bench.into_ipip(packet(in_ipip + 1, true, protocol_udp, "250.0.28.9")).raised, told);
}

TEST_F(NarrowWay, WhatMayBeFragmentedIsSent) {
  EXPECT_EQ(bench.real_into_vxlan(packet(3000, false)).raised, sent);
  EXPECT_EQ(bench.into_ipip(packet(3000, false)).raised, sent);
}

TEST_F(NarrowWay, AnswerIsWhatARouterWouldSay) {
  for (const bool vxlan : {true, false}) {
    const char* source = vxlan ? "250.0.28.5" : "250.0.28.6"; // one each: the same would be too soon
    const Bytes original = packet(1500, true, protocol_udp, source);
    const Verdict verdict = vxlan ? bench.real_into_vxlan(original) : bench.into_ipip(original);
    EXPECT_EQ(verdict.action, TC_ACT_REDIRECT);
    EXPECT_EQ(verdict.mark, static_cast<std::uint32_t>(FAN_ANSWER_MARK));
    const Bytes& frame = verdict.frame;
    ASSERT_EQ(frame.size(), ip_at + 20 + 8 + 80);
    EXPECT_EQ(word(frame, ip_at + 2), 108U);
    EXPECT_EQ(frame.at(ip_at + 9), protocol_icmp);
    EXPECT_EQ(word(frame, ip_at + 12) << 16U | word(frame, ip_at + 14), at("250.0.27.1").v4());
    EXPECT_EQ(word(frame, ip_at + 16) << 16U | word(frame, ip_at + 18), at(source).v4());
    EXPECT_EQ(frame.at(ip_at + 20), 3);
    EXPECT_EQ(frame.at(ip_at + 21), 4);
    EXPECT_EQ(word(frame, ip_at + 26), vxlan ? in_vxlan : in_ipip);
    EXPECT_EQ(sum_of(frame, ip_at, ip_at + 20), 0xffffU);
    EXPECT_EQ(sum_of(frame, ip_at + 20, frame.size()), 0xffffU);
    EXPECT_TRUE(std::equal(frame.begin() + ip_at + 28, frame.end(), original.begin() + ip_at)) << "quotes the packet";
  }
}

TEST_F(NarrowWay, ASegmentsLengthCounts) {
  Bytes tcp = packet(3000, true, 6);
  tcp.at(ip_at + 20 + 12) = 8 << 4; // a header of 32 bytes
  EXPECT_EQ(bench.segments_into_vxlan(tcp, in_vxlan - 52).raised, (Names{"out-sent", "out-sent"}));
  EXPECT_EQ(bench.segments_into_vxlan(tcp, in_vxlan - 51).raised, (Names{"out-too-big", "out-too-big"}));
  const Bytes udp = packet(3000, true, protocol_udp, "250.0.28.9");
  EXPECT_EQ(bench.segments_into_vxlan(udp, in_vxlan - 28).raised, (Names{"out-sent", "out-sent"}));
  EXPECT_EQ(bench.segments_into_vxlan(udp, in_vxlan - 27).raised, (Names{"out-too-big", "out-too-big"}));
}

TEST_F(NarrowWay, NoErrorIsSentAboutAnErrorOrALaterFragment) {
  Bytes error = packet(1500, true, protocol_icmp);
  Bytes echo = packet(1500, true, protocol_icmp, "250.0.28.9");
  error.at(ip_at + 20) = 3;
  echo.at(ip_at + 20) = 8;
  EXPECT_EQ(bench.real_into_vxlan(error).raised, silent);
  EXPECT_EQ(bench.real_into_vxlan(echo).raised, told);
  Bytes later = packet(1500, true, protocol_udp, "250.0.28.77");
  later.at(ip_at + 7) = 10;
  const Verdict verdict = bench.real_into_vxlan(later);
  EXPECT_EQ(verdict.raised, silent);
  EXPECT_EQ(verdict.action, TC_ACT_SHOT);
}

TEST_F(NarrowWay, AHundredPacketsAreNotAnsweredAHundredTimes) {
  std::size_t answers = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int n = 0; n < 100; ++n) {
    answers += bench.real_into_vxlan(packet(1500)).raised == told ? 1 : 0;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  EXPECT_GE(answers, 1U);
  EXPECT_LE(answers, (static_cast<std::size_t>(took.count()) + 2) * 2) << "two CPUs at most";
}

// The answer comes back through the device's other program, which refuses whatever else has no key.
TEST_F(NarrowWay, OnlyAnAnswerComesInWithoutAKey) {
  const Verdict answer = bench.real_from_vxlan(packet(108), FAN_ANSWER_MARK);
  EXPECT_EQ(answer.action, TC_ACT_OK);
  EXPECT_EQ(answer.mark, 0U);
  EXPECT_EQ(answer.raised, Names{});
  for (const std::uint32_t mark : {0U, tunnel_mark}) {
    EXPECT_EQ(bench.real_from_vxlan(packet(108), mark).raised, Names{"in-no-key"});
  }
}

} // namespace
} // namespace fan::test
