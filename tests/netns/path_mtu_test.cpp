// Path MTU: whoever sends what does not fit is told, nothing disappears, and nothing is cut to pieces that was not to
// be.
#include <gtest/gtest.h>

#include <numeric>

#include <fmt/format.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "transfer.h"

namespace fan::test {
namespace {

constexpr std::size_t megabyte = 1U << 20U;

unsigned word(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<unsigned>(bytes[at] << 8U | bytes[at + 1]);
}

// 0xffff for bytes whose checksum is among them and right (RFC 1071).
unsigned sum_of(std::span<const std::uint8_t> bytes) {
  unsigned sum = 0;
  for (std::size_t n = 0; n + 1 < bytes.size(); n += 2) {
    sum += word(bytes, n);
  }
  sum = (sum & 0xffffU) + (sum >> 16U);
  return (sum & 0xffffU) + (sum >> 16U);
}

// An ICMP fragmentation-needed that a receiver would believe; the MTU that it says, 0 for any other packet.
unsigned said_mtu(std::span<const std::uint8_t> ip) {
  constexpr std::size_t least = 20 + 8 + 28;
  if (ip.size() < least || ip[9] != protocol_icmp || ip[20] != 3 || ip[21] != 4) {
    return 0;
  }
  EXPECT_EQ(word(ip, 2), ip.size());
  EXPECT_EQ(sum_of(ip.first(20)), 0xffffU);
  EXPECT_EQ(sum_of(ip.subspan(20)), 0xffffU);
  return word(ip, 26);
}

Capture answers_on(const Netns& netns, unsigned mtu) {
  return Capture(netns, "eth0", [mtu](const Frame& f) { return !f.outgoing && said_mtu(f.ipv4()) == mtu; });
}

// Two hosts with jumbo frames, and on the way between them a link of 1500 bytes.
class NarrowPath : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (IsSkipped()) {
      return;
    }
    lay_out(a, "172.30.1.27", near, "172.30.1.254");
    lay_out(b, "172.30.2.28", far, "172.30.2.254");
    join(near, "mid", far, "mid", middle);
    near.ip({"addr add 10.0.0.1/30 dev mid", "route add 172.30.2.0/24 via 10.0.0.2"});
    far.ip({"addr add 10.0.0.2/30 dev mid", "route add 172.30.1.0/24 via 10.0.0.1"});
    besiege(near, a, b);
    besiege(far, b, a);
    for (Host* host : {&a, &b}) {
      host->fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type()});
    }
    ca.emplace(a, "fan-250-1-27");
    ca->address("250.1.27.2/24", *Address::parse("250.1.27.1"));
    cb.emplace(b, "fan-250-2-28");
    cb->address("250.2.28.2/24", *Address::parse("250.2.28.1"));
    for (const Container* one : {&*ca, &*cb}) {
      at_work.push_back(forged.watch_container(*one));
    }
    ASSERT_TRUE(pings(*ca, at_cb));
    ASSERT_EQ(ca->mtu(), jumbo - overhead());
  }

  void TearDown() override { EXPECT_EQ(forged.arrived(), ""); }

  // From the router of its segment, which is where a stranger would stand.
  void besiege(const Netns& router, const Host& host, const Host& peer) {
    const Victim victim{Prefix::of(at_ca, 8), Prefix::of(host.address, 16), host.address, peer.address};
    const auto mac = Mac::parse(link_field(host, "eth0", "link/ether"));
    const Address own(host.address.v4() | 0xf0U);
    at_work.push_back(forged.from_underlay(router, "hosts", own, mac.ok() ? *mac : Mac(), victim));
  }

  static void lay_out(Host& host, const std::string& address, const Netns& router, const std::string& gateway) {
    host.address = *Address::parse(address);
    join(host, "eth0", router, "hosts", jumbo);
    host.ip({fmt::format("addr add {}/24 dev eth0", address), fmt::format("route add default via {}", gateway)});
    router.ip({fmt::format("addr add {}/24 dev hosts", gateway)});
    router.set_sysctl("net/ipv4/ip_forward", "1");
  }

  [[nodiscard]] static unsigned overhead() { return GetParam() == Encapsulation::vxlan ? 50 : 20; }
  [[nodiscard]] static int inner_mtu() { return static_cast<int>(middle - overhead()); }

  // Fragments of tunnel packets on the narrow link.
  [[nodiscard]] Capture fragments() const {
    return Capture(near, "mid", [](const Frame& f) {
      return !f.ipv4().empty() && (f.protocol() == protocol_ipip || f.protocol() == protocol_udp) &&
             (word(f.ipv4(), 6) & 0x3fffU) != 0;
    });
  }

  static constexpr unsigned jumbo = 9000;
  static constexpr unsigned middle = 1500;
  static constexpr std::uint16_t port = 7200;
  const Address at_ca{0xfa011b02U}; // 250.1.27.2
  const Address at_cb{0xfa021c02U}; // 250.2.28.2
  Netns near;
  Netns far;
  Host a;
  Host b;
  std::optional<Container> ca;
  std::optional<Container> cb;
  ForgedTraffic forged;
  std::vector<ForgedTraffic::Handle> at_work;
};
FAN_OVER_EACH_AND_BY_SHORTCUT(NarrowPath);

TEST_P(NarrowPath, TcpGoesThroughBothWaysInWholePackets) {
  const Capture pieces = fragments();
  const Capture told = answers_on(*ca, middle - overhead());
  EXPECT_EQ(tcp_transfer(*ca, *cb, at_cb, 8 * megabyte), 8 * megabyte);
  EXPECT_EQ(tcp_transfer(*cb, *ca, at_ca, 8 * megabyte), 8 * megabyte);
  EXPECT_TRUE(told.reached(1));
  EXPECT_LE(told.count(), 100U);
  EXPECT_EQ(pieces.count(), 0U);
}

TEST_P(NarrowPath, ADatagramThatMayNotBeFragmentedIsRefusedToItsSender) {
  const Capture told = answers_on(*ca, middle - overhead());
  const Socket out(*ca, SOCK_DGRAM);
  out.discover(IP_PMTUDISC_DO);
  ASSERT_EQ(out.connect_to(at_cb, port), 0);
  EXPECT_TRUE(is_told_too_big(out, 8000));
  EXPECT_EQ(out.mtu(), inner_mtu());
  EXPECT_TRUE(told.reached(1));
  const Socket in(*cb, SOCK_DGRAM);
  ASSERT_EQ(in.bind_to(Address(), port), 0);
  EXPECT_EQ(datagrams_through(out, in, static_cast<std::size_t>(inner_mtu()) - 28, 5), 5);
}

TEST_P(NarrowPath, ADatagramThatMayBeFragmentedArrives) {
  const Capture pieces = fragments();
  const Socket out(*ca, SOCK_DGRAM);
  out.discover(IP_PMTUDISC_DONT);
  ASSERT_EQ(out.connect_to(at_cb, port), 0);
  const Socket in(*cb, SOCK_DGRAM);
  ASSERT_EQ(in.bind_to(Address(), port), 0);
  constexpr int count = 20;
  constexpr unsigned fragments_each = 8000 / 1400 + 1;
  EXPECT_EQ(datagrams_through(out, in, 8000, count), count);
  EXPECT_TRUE(pieces.reached(1)) << "the narrow link was not on the way";
  EXPECT_LE(pieces.count(), count * fragments_each);
}

TEST_P(NarrowPath, TheHostsOwnProcessesAreToldToo) {
  const Capture pieces = fragments();
  EXPECT_EQ(tcp_transfer(a, *cb, at_cb, 4 * megabyte), 4 * megabyte);
  EXPECT_EQ(tcp_transfer(b, *ca, at_ca, 4 * megabyte, b.address), 4 * megabyte)
      << "from the underlay address, translated on the way";
  const Socket out(a, SOCK_DGRAM);
  out.discover(IP_PMTUDISC_DO);
  ASSERT_EQ(out.connect_to(*Address::parse("250.2.28.1"), port), 0);
  EXPECT_TRUE(is_told_too_big(out, 8000));
  EXPECT_EQ(out.mtu(), inner_mtu());
  EXPECT_EQ(pieces.count(), 0U);
}

TEST_P(NarrowPath, AStreamOfWhatDoesNotFitIsAnsweredAtABoundedRate) {
  const Capture told = answers_on(*ca, middle - overhead());
  const Socket out(*ca, SOCK_DGRAM);
  out.discover(IP_PMTUDISC_PROBE); // sets DF and does not listen
  ASSERT_EQ(out.connect_to(at_cb, port), 0);
  const std::vector<char> payload(8000, 'x');
  const auto begin = std::chrono::steady_clock::now();
  constexpr int count = 3000;
  for (int n = 0; n < count; ++n) {
    send(out.fd(), payload.data(), payload.size(), 0);
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  EXPECT_TRUE(told.reached(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto cpus = std::thread::hardware_concurrency();
  EXPECT_LE(told.count(), (static_cast<std::uint64_t>(took.count()) + 2) * cpus);
}

TEST_P(NarrowPath, APathThatBecomesWideIsWideAfterAWhile) {
  for (const Netns* netns : std::initializer_list<const Netns*>{&a, &*ca}) {
    if (netns->sysctl("net/ipv4/route/mtu_expires").empty()) {
      GTEST_SKIP() << "no-mtu-expires: this kernel has no mtu_expires of a namespace";
    }
    netns->set_sysctl("net/ipv4/route/mtu_expires", "1");
  }
  const Socket out(*ca, SOCK_DGRAM);
  out.discover(IP_PMTUDISC_DO);
  ASSERT_EQ(out.connect_to(at_cb, port), 0);
  const Socket in(*cb, SOCK_DGRAM);
  ASSERT_EQ(in.bind_to(Address(), port), 0);
  ASSERT_TRUE(is_told_too_big(out, 8000));
  near.ip({"link set mid mtu 9000"});
  far.ip({"link set mid mtu 9000"});
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_GE(datagrams_through(out, in, 8000, 3), 1);
}

class PathMtu : public OverEach {};
FAN_OVER_EACH_AND_BY_SHORTCUT(PathMtu);

// The port must be as wide as the container: what is wider than its port is lost before any program sees it.
TEST_P(PathMtu, AContainerThatBelievesInMoreIsToldAndTcpGoesThrough) {
  FanPair fans(type());
  fans.up();
  Container a(fans.a, "fan-250-0-27");
  fans.a.ip({fmt::format("link set {} mtu 1500", a.port())});
  a.address("250.0.27.2/24", *Address::parse("250.0.27.1"), 1500);
  const Container b = fans.container_b();
  const unsigned mtu = b.mtu();
  ASSERT_LT(mtu, 1500U);
  const Capture told = answers_on(a, mtu);
  const Socket out(a, SOCK_DGRAM);
  out.discover(IP_PMTUDISC_DO);
  ASSERT_EQ(out.connect_to(at_b, 9), 0);
  EXPECT_TRUE(is_told_too_big(out, 1472));
  EXPECT_TRUE(told.reached(1));
  EXPECT_EQ(tcp_transfer(a, b, at_b, 8 * megabyte), 8 * megabyte);
  EXPECT_EQ(tcp_transfer(b, a, at_a, 8 * megabyte), 8 * megabyte);
}

TEST_P(PathMtu, AFarSideWithLessTellsAndTcpGoesThrough) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  fans.b.fanctl_must(fans.line("up", {"mtu", "1300"}));
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  const Capture told = answers_on(a, 1300);
  const Socket out(a, SOCK_DGRAM);
  out.discover(IP_PMTUDISC_DO);
  ASSERT_EQ(out.connect_to(at_b, 9), 0);
  EXPECT_TRUE(is_told_too_big(out, 1400));
  EXPECT_TRUE(told.reached(1));
  EXPECT_EQ(tcp_transfer(a, b, at_b, 8 * megabyte), 8 * megabyte);
  EXPECT_EQ(tcp_transfer(b, a, at_a, 8 * megabyte), 8 * megabyte);
}

} // namespace
} // namespace fan::test
