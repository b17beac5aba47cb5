// What a stranger, a container or a local user can put on the wire, as one table: from where, what, and what becomes of
// it. Only what may enter enters; what reaches a program is counted under its own reason, with who; what the ruleset
// refuses under its own counter; and the rest the kernel drops before either: no counter of ours knows of it, and one
// of the kernel's does, where it has one.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <sys/socket.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/raw_sender.h"
#include "transfer.h"

namespace fan::test {
namespace {

using Json = nlohmann::json;
using Counts = std::map<std::string, std::uint64_t>;

constexpr std::uint16_t forged_id = 0xfa6f; // of every packet that must not arrive inside
constexpr std::uint16_t listened = 7999;    // of what is meant for the host itself
constexpr unsigned how_many = 3;
constexpr std::uint32_t vni = 16384001;
const Mac nobody{{0x0e, 0, 0, 0, 0, 0x66}};
const Mac unicast{{0x0e, 0x11, 0x22, 0x33, 0x44, 0x55}};

// From where: a stranger on the segment, another segment of the host, a container of the fan, one of another bridge of
// the host, a process of the host.
enum class From { underlay, side, container, other_bridge, user };

// What becomes of it: it enters; the counter of a program or of a rule; nothing of ours sees it, and then the kernel's
// own counter, where it has one for that.
struct Verdict {
  enum class Kind { enters, counted, kernel } kind;
  std::string counter;
  std::string kernels_own = {};
};
const Verdict enters{Verdict::Kind::enters, "in-accepted"};
const Verdict uncounted{Verdict::Kind::kernel, {}};
const Verdict not_here{Verdict::Kind::kernel,
                       "nobody refuses it"}; // of the encapsulation that this host does not receive
Verdict counted(const char* counter) {
  return {Verdict::Kind::counted, counter};
}

Verdict dropped(const char* kernels_own) {
  return {Verdict::Kind::kernel, {}, kernels_own};
}

struct Attack {
  const char* name;
  From from;
  std::vector<Bytes> packets; // IPv4, or whole frames: see `framed`
  Verdict verdict;
  bool framed = false;
  unsigned accepted = 1; // of what enters: packets that the program lets in, and
  unsigned arrive = 1;   // that come to the container, each time
};

Address ip(const char* text) {
  return *Address::parse(text);
}

// RFC 1071, of the first `length` bytes, put at `at`.
Bytes summed(Bytes packet, std::size_t at, std::size_t length) {
  packet[at] = packet[at + 1] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < length; i += 2) {
    sum += packet[i] * 256U + (i + 1 < length ? packet[i + 1] : 0U);
  }
  while (sum >> 16U) {
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  packet[at] = static_cast<std::uint8_t>(~sum >> 8U);
  packet[at + 1] = static_cast<std::uint8_t>(~sum);
  return packet;
}

// The header's checksum made right again.
Bytes sealed(const Bytes& packet) {
  return summed(packet, 10, (packet[0] & 0xfU) * 4U);
}

// A UDP packet with its checksum, which covers the addresses as well.
Bytes with_checksum(Bytes packet) {
  const std::size_t length = packet.size() - 20;
  Bytes covered(packet.begin() + 12, packet.end());
  covered.insert(covered.end(),
                 {0, protocol_udp, static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)});
  const Bytes right = summed(std::move(covered), 14, packet.size() - 12 + 4);
  std::copy_n(right.begin() + 14, 2, packet.begin() + 26);
  return packet;
}

Bytes with(Bytes packet, std::size_t at, std::uint8_t value) {
  packet[at] = value;
  return sealed(packet);
}

// With 4 bytes of options behind the header.
Bytes with_options(Bytes packet, const Bytes& options) {
  packet.insert(packet.begin() + 20, options.begin(), options.end());
  packet[0] = static_cast<std::uint8_t>(packet[0] + options.size() / 4);
  const std::size_t length = packet.size();
  packet[2] = static_cast<std::uint8_t>(length >> 8U);
  packet[3] = static_cast<std::uint8_t>(length);
  return sealed(packet);
}

// The packet in two fragments, cut behind `at` bytes of payload, a multiple of 8.
std::vector<Bytes> fragments(const Bytes& packet, std::size_t at) {
  const auto piece = [&](std::size_t begin, std::size_t end, std::uint16_t offset) {
    Bytes one(packet.begin(), packet.begin() + 20);
    one.insert(one.end(), packet.begin() + 20 + static_cast<std::ptrdiff_t>(begin),
               packet.begin() + 20 + static_cast<std::ptrdiff_t>(end));
    one[2] = static_cast<std::uint8_t>(one.size() >> 8U);
    one[3] = static_cast<std::uint8_t>(one.size());
    one[6] = static_cast<std::uint8_t>(offset >> 8U);
    one[7] = static_cast<std::uint8_t>(offset);
    return sealed(one);
  };
  return {piece(0, at, 0x2000), piece(at, packet.size() - 20, static_cast<std::uint16_t>(at / 8))};
}

Bytes datagram(Address source, Address destination, std::uint16_t port = 7) {
  Ipv4 header{source, destination};
  header.id = forged_id;
  return ipv4(header, udp(7, port, text("an attack, 24 bytes long")));
}

Bytes of_protocol(std::uint8_t protocol, Address source, Address destination) {
  Ipv4 header{source, destination, protocol};
  header.id = forged_id;
  return ipv4(header, Bytes(40, 0));
}

bool is_forged(const Frame& frame) {
  const auto packet = frame.ipv4();
  return !packet.empty() && packet[4] == (forged_id >> 8U) && packet[5] == (forged_id & 0xffU);
}

const Address stranger = ip("172.30.0.66");
const Address peer = ip("172.30.0.27");
const Address victim = ip("172.30.0.28");
const Address second = ip("172.30.0.99"); // of the victim, as well
const Address mine = ip("250.0.66.2");    // the stranger's own slice
const Address far = ip("250.0.27.2");
const Address target = ip("250.0.28.2");
const Address gateway = ip("250.0.28.1");
const Address outside = ip("198.51.100.1");
const Address behind = ip("172.17.0.2"); // a container of another bridge

// Lines in pairs: "Ip: A B", "Ip: 1 2".
void read_pairs(const std::string& path, Counts& into) {
  std::ifstream file(path);
  for (std::string names, numbers; std::getline(file, names) && std::getline(file, numbers);) {
    std::istringstream n(names);
    std::istringstream v(numbers);
    std::string group;
    n >> group;
    v >> group;
    group.back() = '.';
    std::int64_t number = 0;
    for (std::string name; n >> name && v >> number;) {
      into[group + name] = static_cast<std::uint64_t>(number);
    }
  }
}

// A line of names, and one of hexadecimal numbers for each processor. All namespaces of a machine share these.
void read_of_processors(const std::string& path, Counts& into) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const std::string names = line;
  while (std::getline(file, line)) {
    std::istringstream n(names);
    std::istringstream v(line);
    std::uint64_t number = 0;
    for (std::string name; n >> name && v >> std::hex >> number;) {
      into["route." + name] += number;
    }
  }
}

Counts protocol_counts(const Netns& netns) {
  const Inside here(netns);
  const std::string folder = "/proc/thread-self/net/";
  Counts found;
  read_pairs(folder + "snmp", found);
  read_pairs(folder + "netstat", found);
  read_of_processors(folder + "stat/rt_cache", found);
  std::ifstream file(folder + "snmp6");
  std::uint64_t number = 0;
  for (std::string name; file >> name >> number;) {
    found[name] = number;
  }
  return found;
}

class Attacks : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (IsSkipped()) {
      return;
    }
    b.ip({"addr add 172.30.0.99/16 dev eth0", "link add docker0 mtu 1500 type bridge forward_delay 0",
          "addr add 172.17.0.1/16 dev docker0", "link set docker0 up"});
    b.must({"ip", "-6", "addr", "add", "fd02::28/64", "dev", "eth0", "nodad"});
    join(b, "eth1", side, "eth0");
    b.ip({"addr add 172.31.0.1/24 dev eth1"});
    b.set_sysctl("net/ipv4/ip_forward", "1");
    b.must({"nft", "add table ip docker { chain post { type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 "
                   "masquerade ; } ; }"});
    b.fanctl_must({"up", "250.0.0.0/8", "172.30.0.28/16", "type", type(), "ttl-security", "1"});
    for (const char* device : {"all", "eth0", "eth1", "docker0", "fan-250-0-28"}) {
      b.set_sysctl(fmt::format("net/ipv4/conf/{}/rp_filter", device), "0");
    }
    container.emplace(b, "fan-250-0-28");
    container->address("250.0.28.2/24", gateway);
    other.emplace(b, "docker0");
    other->address("172.17.0.2/16", ip("172.17.0.1"));
    frames.emplace(RawSender::frames(attacker, "eth0"));
    side_frames.emplace(RawSender::frames(side, "eth0"));
    from_container.emplace(RawSender::packets(*container));
    container_frames.emplace(RawSender::frames(*container, "eth0"));
    from_other.emplace(RawSender::packets(*other));
    from_user.emplace(RawSender::packets(b));
    EXPECT_TRUE(pings(b, ip("172.17.0.2")));
    EXPECT_TRUE(pings(b, target)); // neighbours are known by then
    EXPECT_TRUE(pings(b, peer));
  }

  [[nodiscard]] static bool is_vxlan() { return GetParam() == Encapsulation::vxlan; }

  // In the tunnel: an inner frame, as it is.
  [[nodiscard]] static Bytes outer(const Bytes& frame, Address source = stranger, Address destination = victim,
                                   std::uint32_t number = vni, std::uint8_t ttl = 255) {
    return ipv4({source, destination, protocol_udp, ttl}, udp(50000, 8472, vxlan(number, frame)));
  }
  [[nodiscard]] static Bytes tunnelled(const Bytes& packet, Address source = stranger, Address destination = victim,
                                       std::uint8_t ttl = 255) {
    return is_vxlan() ? outer(ethernet(nobody, unicast, 0x0800, packet), source, destination, vni, ttl)
                      : ipv4({source, destination, protocol_ipip, ttl}, packet);
  }
  [[nodiscard]] Bytes framed(const Bytes& packet, const char* device = "eth0") const {
    return ethernet(nobody, *Mac::parse(link_field(b, device, "link/ether")), 0x0800, packet);
  }

  void send(const Attack& attack) {
    for (const Bytes& packet : attack.packets) {
      int error = 0;
      switch (attack.from) {
      case From::underlay:
        error = frames->send(attack.framed ? packet : framed(packet));
        break;
      case From::side:
        error = side_frames->send(framed(packet, "eth1"));
        break;
      case From::container:
        error = attack.framed ? container_frames->send(packet) : from_container->send(packet);
        break;
      case From::other_bridge:
        error = from_other->send(packet);
        break;
      case From::user:
        error = from_user->send(packet);
        break;
      }
      // The firewall's refusal of what this host sends is told to who sends.
      EXPECT_TRUE(error == 0 || (attack.from == From::user && error == EPERM)) << error;
    }
  }

  [[nodiscard]] Json shown() const { return Json::parse(b.fanctl({"show", "--stats", "--refused", "--json"}).out); }
  static Counts counts(const Json& document) {
    Counts found;
    for (const Json& one : document["stats"]) {
      if (one["refused"] || one["reason"] == "in-accepted") {
        found[one["reason"]] = one["packets"];
      }
    }
    return found;
  }
  // What the kernel counts in the host: "Ip.InHdrErrors", "Udp6InErrors", "eth0.rx_dropped" and the like.
  [[nodiscard]] Counts kernels_own() const {
    Counts found = protocol_counts(b);
    for (const Json& device : Json::parse(b.must({"ip", "-s", "-s", "-j", "link", "show"}))) {
      for (const auto& [name, number] : device["stats64"]["rx"].items()) {
        found[device["ifname"].get<std::string>() + ".rx_" + name] = number;
      }
    }
    return found;
  }

  static std::uint64_t blamed(const Json& document, const std::string& reason, const std::string& who) {
    for (const Json& one : document["refused"]) {
      if (one["reason"] == reason && one["outer_source"] == who) {
        return one["packets"];
      }
    }
    return 0;
  }

  // Of what is refused before it is in a tunnel there is no outer source; the last one's own is told.
  static void expect_told(const Json& before, const Json& after, const std::string& reason, const std::string& who) {
    const auto entry = [&](const Json& document) {
      for (const Json& one : document["refused"]) {
        if (one["reason"] == reason && one["outer_source"].is_null()) {
          return one;
        }
      }
      return Json{{"packets", 0}, {"inner_source", nullptr}};
    };
    EXPECT_EQ(entry(after)["packets"], entry(before)["packets"].get<unsigned>() + how_many);
    EXPECT_EQ(entry(after)["inner_source"], who);
  }

  // Three of each; then one that enters, behind which nothing of the attack is on its way any more.
  void expect(const std::vector<Attack>& attacks) {
    const Capture inside(*container, "eth0", [](const Frame& f) { return is_forged(f) && !f.outgoing; });
    const Capture on_bridge(b, "fan-250-0-28", [](const Frame& f) { return is_forged(f) && f.outgoing; });
    const Capture at_peer(a, "eth0", [](const Frame& f) { return is_forged(f) && !f.outgoing; });
    const Socket service(b, SOCK_DGRAM);
    ASSERT_EQ(service.bind_to(Address(), listened), 0);
    Json before = shown();
    for (const Attack& attack : attacks) {
      SCOPED_TRACE(attack.name);
      Counts kernel_before = attack.verdict.kernels_own.empty() ? Counts() : kernels_own();
      const std::uint64_t entered = inside.count();
      const std::uint64_t bridged = on_bridge.count();
      const std::uint64_t left = at_peer.count();
      for (unsigned n = 0; n < how_many; ++n) {
        send(attack);
      }
      const bool wire = attack.from == From::underlay || attack.from == From::side;
      Counts expected = counts(before);
      expected["in-accepted"] += attack.verdict.kind == Verdict::Kind::enters ? how_many * attack.accepted : 0U;
      if (attack.verdict.kind == Verdict::Kind::counted) {
        expected[attack.verdict.counter] += how_many;
      }
      if (wire || attack.verdict.kind == Verdict::Kind::kernel) {
        const Bytes marker = tunnelled(ipv4({mine, target}, udp(7, 7, text("the end"))));
        EXPECT_EQ(frames->send(framed(marker)), 0);
        expected["in-accepted"] += 1;
      }
      Json after = shown();
      EXPECT_TRUE(eventually([&] {
        if (counts(after) != expected) {
          after = shown();
        }
        return counts(after) == expected;
      }));
      EXPECT_EQ(counts(after), expected);
      if (const std::string& own = attack.verdict.kernels_own; !own.empty()) {
        EXPECT_GE(kernels_own()[own], kernel_before[own] + how_many) << own;
      }
      if (attack.verdict.kind == Verdict::Kind::enters) {
        EXPECT_TRUE(inside.reached(entered + how_many * attack.arrive));
      } else {
        EXPECT_EQ(inside.count(), entered);
        EXPECT_EQ(on_bridge.count(), bridged);
      }
      EXPECT_EQ(at_peer.count(), left);
      if (const std::string& reason = attack.verdict.counter; attack.verdict.kind == Verdict::Kind::counted) {
        const Bytes& packet = attack.packets.front();
        const std::string who = fmt::format("{}.{}.{}.{}", packet[12], packet[13], packet[14], packet[15]);
        if (reason.starts_with("out-") || reason.starts_with("guard-")) {
          expect_told(before, after, reason, who);
        } else if (attack.from == From::underlay && reason.starts_with("in-")) {
          EXPECT_EQ(blamed(after, reason, who), blamed(before, reason, who) + how_many);
        }
      }
      char byte = 0;
      EXPECT_EQ(recv(service.fd(), &byte, 1, MSG_DONTWAIT), -1) << "a service of the host was given it";
      before = std::move(after);
    }
  }

  Underlay underlay{NoForgers()};
  Host& a = underlay.host("172.30.0.27/16");
  Host& b = underlay.host("172.30.0.28/16");
  Host& attacker = underlay.host("172.30.0.66/16");
  Netns side;
  std::optional<Container> container;
  std::optional<Container> other;
  std::optional<RawSender> frames, side_frames, from_container, container_frames, from_other, from_user;
};
FAN_OVER_EACH_AND_BY_SHORTCUT(Attacks);

TEST_P(Attacks, WhoSpeaksForWhom) {
  const auto lie = [&](Address source, Address destination = target) {
    return std::vector<Bytes>{tunnelled(datagram(source, destination, listened))};
  };
  expect({
      {"its own slice", From::underlay, {tunnelled(datagram(mine, target))}, enters},
      // What no receiver can tell: docs/limits.md.
      {"with the peer's address, the peer's slice", From::underlay, {tunnelled(datagram(far, target), peer)}, enters},
      {"another host's slice", From::underlay, lie(far), counted("in-source-forged")},
      {"the victim's slice", From::underlay, lie(ip("250.0.28.9")), counted("in-source-forged")},
      {"the victim's gateway", From::underlay, lie(gateway), counted("in-source-forged")},
      {"with the peer's address, its own slice",
       From::underlay,
       {tunnelled(datagram(mine, target), peer)},
       counted("in-source-forged")},
      {"with the victim's own address",
       From::underlay,
       {tunnelled(datagram(ip("250.0.28.9"), target), victim)},
       dropped("route.in_martian_src")},
      {"the world", From::underlay, lie(outside), counted("in-source-unknown")},
      {"an address of the underlay", From::underlay, lie(peer), counted("in-source-unknown")},
      {"the network's address", From::underlay, lie(ip("250.0.66.0")), counted("in-source-unusable")},
      {"the broadcast address", From::underlay, lie(ip("250.0.66.255")), counted("in-source-unusable")},
      {"this machine", From::underlay, lie(ip("127.0.0.1")), counted("in-not-unicast")},
      {"nobody", From::underlay, lie(ip("0.0.0.0")), counted("in-not-unicast")},
      {"the link", From::underlay, lie(ip("169.254.1.1")), counted("in-not-unicast")},
      {"a group", From::underlay, lie(ip("224.0.0.9")), counted("in-not-unicast")},
      {"everybody", From::underlay, lie(ip("255.255.255.255")), counted("in-not-unicast")},
  });
}

TEST_P(Attacks, ToWhom) {
  const auto to = [&](Address destination) {
    return std::vector<Bytes>{tunnelled(datagram(mine, destination, listened))};
  };
  expect({
      {"another host's slice", From::underlay, to(far), counted("in-destination")},
      {"the host's own address", From::underlay, to(victim), counted("in-destination")},
      {"the world", From::underlay, to(outside), counted("in-destination")},
      {"the slice's network address", From::underlay, to(ip("250.0.28.0")), counted("in-destination")},
      {"the slice's broadcast address", From::underlay, to(ip("250.0.28.255")), counted("in-destination")},
      {"a container of another bridge", From::underlay, to(behind), counted("in-destination")},
      {"this machine", From::underlay, to(ip("127.0.0.1")), counted("in-not-unicast")},
      {"nobody", From::underlay, to(ip("0.0.0.0")), counted("in-not-unicast")},
      {"the metadata of a cloud", From::underlay, to(ip("169.254.169.254")), counted("in-not-unicast")},
      {"a group", From::underlay, to(ip("224.0.0.1")), counted("in-not-unicast")},
      {"everybody", From::underlay, to(ip("255.255.255.255")), counted("in-not-unicast")},
      {"protocol 4 for the gateway",
       From::underlay,
       {tunnelled(of_protocol(4, mine, gateway))},
       counted("in-tunnel-in-tunnel")},
      {"protocol 41 for the gateway",
       From::underlay,
       {tunnelled(of_protocol(41, mine, gateway))},
       counted("in-tunnel-in-tunnel")},
      {"GRE for the gateway",
       From::underlay,
       {tunnelled(of_protocol(47, mine, gateway))},
       counted("in-tunnel-in-tunnel")},
      {"the tunnel's port of the gateway",
       From::underlay,
       {tunnelled(datagram(mine, gateway, 8472))},
       counted("in-tunnel-in-tunnel")},
      {"a tunnel of an endpoint's own", From::underlay, {tunnelled(of_protocol(4, mine, target))}, enters},
  });
}

TEST_P(Attacks, OuterHeaders) {
  const Bytes good = tunnelled(datagram(mine, target));
  Bytes v6_udp = udp(50000, 8472, vxlan(vni, ethernet(nobody, unicast, 0x0800, datagram(mine, target))));
  v6_udp[6] = 0x12; // a checksum that is none: dropped as well, were it looked at
  Bytes v6{0x60, 0,  0, 0, static_cast<std::uint8_t>(v6_udp.size() >> 8U), static_cast<std::uint8_t>(v6_udp.size()),
           17,   255};
  for (const char* address : {"\xfd\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x66", "\xfd\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x28"}) {
    v6.insert(v6.end(), address, address + 16);
  }
  v6.insert(v6.end(), v6_udp.begin(), v6_udp.end());
  const Mac to = *Mac::parse(link_field(b, "eth0", "link/ether"));
  Bytes tag{0, 5, 0x08, 0};
  tag.insert(tag.end(), good.begin(), good.end());
  const std::vector<Bytes> two = fragments(good, 16);
  expect({
      {"in two fragments", From::underlay, two, enters},
      // It is kept until its time is over.
      {"the first fragment only", From::underlay, {two[0]}, dropped("Ip.ReasmReqds")},
      {"with an option that says nothing", From::underlay, {with_options(good, {1, 1, 1, 0})}, enters},
      // accept_source_route is off: ip_rcv_options() drops it and counts it nowhere.
      {"with a route of the sender's", From::underlay, {with_options(good, {131, 7, 4, 172, 30, 0, 28, 0})}, uncounted},
      {"a header of 16 bytes", From::underlay, {with(good, 0, 0x44)}, dropped("Ip.InHdrErrors")},
      {"longer than the frame", From::underlay, {with(good, 2, 0x7f)}, dropped("IpExt.InTruncatedPkts")},
      {"shorter than its header", From::underlay, {with(with(good, 2, 0), 3, 12)}, dropped("Ip.InHdrErrors")},
      {"a wrong checksum",
       From::underlay,
       {[&] {
         Bytes bad = good;
         bad[10] ^= 0x55U;
         return bad;
       }()},
       dropped("IpExt.InCsumErrors")},
      {"TTL 254, from two hops away",
       From::underlay,
       {tunnelled(datagram(mine, target), stranger, victim, 254)},
       counted("in-ttl")},
      {"TTL 1", From::underlay, {tunnelled(datagram(mine, target), stranger, victim, 1)}, counted("in-ttl")},
      {"from outside the underlay",
       From::underlay,
       {tunnelled(datagram(mine, target), outside)},
       counted("nft-misdelivered")},
      {"from a group",
       From::underlay,
       {tunnelled(datagram(mine, target), ip("224.0.0.9"))},
       dropped("route.in_martian_src")},
      {"to another address of the host",
       From::underlay,
       {tunnelled(datagram(mine, target), stranger, second)},
       counted("nft-misdelivered")},
      {"to the broadcast address of the segment",
       From::underlay,
       {tunnelled(datagram(mine, target), stranger, ip("172.30.255.255"))},
       counted("nft-misdelivered")},
      {"to the gateway",
       From::underlay,
       {tunnelled(datagram(mine, target), stranger, gateway)},
       counted("nft-misdelivered")},
      {"by another card, to its address",
       From::side,
       {tunnelled(datagram(mine, target), stranger, ip("172.31.0.1"))},
       counted("nft-misdelivered")},
      {"by another card, as the peer",
       From::side,
       {tunnelled(datagram(far, target), peer)},
       counted("nft-misdelivered")},
      {"to the tunnel's port over IPv6",
       From::underlay,
       {ethernet(nobody, to, 0x86dd, v6)},
       is_vxlan() ? counted("nft-misdelivered") : dropped("Udp6InCsumErrors"), // nobody listens there
       true},
      {"with a UDP checksum that is right",
       From::underlay,
       {is_vxlan() ? with_checksum(good) : good},
       is_vxlan() ? counted("nft-checksum") : enters},
      {"in a VLAN that is none of the host's",
       From::underlay,
       {ethernet(nobody, to, 0x8100, tag)},
       dropped("eth0.rx_otherhost"),
       true},
  });
}

TEST_P(Attacks, InnerHeaders) {
  const Bytes good = datagram(mine, target);
  const auto inside = [&](const Bytes& packet) { return std::vector<Bytes>{tunnelled(packet)}; };
  const std::vector<Bytes> two = fragments(good, 16);
  expect({
      {"a header of 16 bytes", From::underlay, inside(with(good, 0, 0x44)), counted("in-malformed")},
      {"version 5", From::underlay, inside(with(good, 0, 0x55)), counted("in-malformed")},
      {"longer than the packet", From::underlay, inside(with(good, 2, 0x7f)), counted("in-malformed")},
      {"shorter than its header", From::underlay, inside(with(with(good, 2, 0), 3, 12)), counted("in-malformed")},
      {"two fragments", From::underlay, {tunnelled(two[0]), tunnelled(two[1])}, enters, false, 2},
      // The host keeps it until the other half comes, which it does not.
      {"a later fragment", From::underlay, inside(two[1]), enters, false, 1, 0},
      {"an option that says nothing", From::underlay, inside(with_options(good, {1, 1, 1, 0})), enters},
  });
}

class AttacksInFrames : public Attacks {};
INSTANTIATE_TEST_SUITE_P(Over, AttacksInFrames, ::testing::Values(Encapsulation::vxlan),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(AttacksInFrames, OfEveryOtherKind) {
  const Bytes good = datagram(mine, target);
  const auto inside = [&](std::uint16_t type, const Bytes& payload, const Mac& to = unicast,
                          std::uint32_t number = vni) {
    return std::vector<Bytes>{outer(ethernet(nobody, to, type, payload), stranger, victim, number)};
  };
  const auto tagged = [&](std::uint8_t high, std::uint8_t low) {
    Bytes tag{high, low, 0x08, 0};
    tag.insert(tag.end(), good.begin(), good.end());
    return tag;
  };
  Bytes v6(60, 0);
  v6[0] = 0x60;
  Bytes bare = ipv4({stranger, victim, protocol_udp, 255},
                    udp(50000, 8472, vxlan(vni, ethernet(nobody, unicast, 0x0800, good))));
  const Bytes without_a_number = with(bare, 28, 0x00); // the flag that says that there is one
  expect({
      {"a bridged LXD fan's number", From::underlay, inside(0x0800, good, unicast, vni ^ 1U), counted("in-vni")},
      // The tunnel's socket took it; that the device then did not is counted nowhere.
      {"no number", From::underlay, {without_a_number}, dropped("Udp.InDatagrams")},
      {"IPv6", From::underlay, inside(0x86dd, v6), counted("in-not-ipv4")},
      {"ARP", From::underlay, inside(0x0806, Bytes(28, 1)), counted("in-not-ipv4")},
      {"LLDP", From::underlay, inside(0x88cc, Bytes(28, 1)), counted("in-not-ipv4")},
      {"a type of nobody's", From::underlay, inside(0x9999, Bytes(60, 1)), counted("in-not-ipv4")},
      {"IPv6 that says IPv4", From::underlay, inside(0x0800, v6), counted("in-malformed")},
      {"a VLAN", From::underlay, inside(0x8100, tagged(0, 5)), counted("in-vlan")},
      {"a priority tag", From::underlay, inside(0x8100, tagged(0xe0, 0)), counted("in-vlan")},
      {"a provider's VLAN", From::underlay, inside(0x88a8, tagged(0, 5)), counted("in-vlan")},
      {"for everybody", From::underlay, inside(0x0800, good, Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}),
       counted("in-mac")},
      {"for a group", From::underlay, inside(0x0800, good, Mac{{0x01, 0, 0x5e, 0, 0, 1}}), counted("in-mac")},
  });
}

TEST_P(Attacks, WithoutATunnel) {
  const auto plain = [&](Address source, Address destination) {
    return std::vector<Bytes>{datagram(source, destination, listened)};
  };
  expect({
      {"the underlay to the slice", From::underlay, plain(stranger, target), counted("nft-outside")},
      {"the world to the slice", From::underlay, plain(outside, target), counted("nft-outside")},
      {"another slice to the slice", From::underlay, plain(far, target), counted("nft-forged")},
      {"the slice to itself", From::underlay, plain(ip("250.0.28.9"), target), counted("nft-forged")},
      {"the gateway to the slice", From::underlay, plain(gateway, target), counted("nft-forged")},
      {"another slice to the gateway", From::underlay, plain(far, gateway), counted("nft-forged")},
      {"another slice to the host", From::underlay, plain(far, victim), counted("nft-forged")},
      {"another slice to another address of the host", From::underlay, plain(far, second), counted("nft-forged")},
      {"another slice to the slice's broadcast", From::underlay, plain(far, ip("250.0.28.255")), counted("nft-forged")},
      {"by another card, the slice", From::side, plain(ip("250.0.28.9"), target), counted("nft-forged")},
      {"by another card, another slice to the host", From::side, plain(far, ip("172.31.0.1")), counted("nft-forged")},
      {"an ICMP error about a tunnel packet",
       From::underlay,
       {[&] {
         Bytes quote = tunnelled(datagram(target, far), victim, peer);
         quote.resize(28);
         Bytes error{3, 4, 0, 0, 0, 0, 0x02, 0x58};
         error.insert(error.end(), quote.begin(), quote.end());
         return ipv4({stranger, victim, protocol_icmp}, summed(error, 2, error.size()));
       }()},
       // That the device of ipip had no use for it is counted nowhere; that it came is.
       dropped(is_vxlan() ? "Icmp.InErrors" : "Icmp.InDestUnreachs")},
  });
}

TEST_P(Attacks, OfContainersAndUsers) {
  const bool ipip = GetParam() == Encapsulation::ipip;
  // Of what this host receives itself, and of what only a peer may.
  const Verdict own_tunnel = counted("nft-smuggled");
  const auto frame = [&] { return vxlan(vni, ethernet(nobody, unicast, 0x0800, datagram(target, far))); };
  const auto by_port = [&](Address source, Address destination, std::uint16_t from, std::uint16_t to) {
    Ipv4 header{source, destination};
    header.id = forged_id;
    return std::vector<Bytes>{ipv4(header, udp(from, to, frame()))};
  };
  const auto by_protocol = [&](Address source, Address destination) {
    return std::vector<Bytes>{of_protocol(4, source, destination)};
  };
  const auto plain = [&](Address source, Address destination) {
    return std::vector<Bytes>{datagram(source, destination, listened)};
  };
  std::vector<Attack> attacks{
      {"protocol 4 to a peer", From::container, by_protocol(target, peer), own_tunnel},
      {"to a peer's port", From::container, by_port(target, peer, 40000, 8472), own_tunnel},
      {"from the port to a peer", From::container, by_port(target, peer, 8472, 40000), own_tunnel},
      // A tunnel packet is not tracked, so that no connection begins with it: the kernel itself refuses the source.
      {"to a peer's port as its host", From::container, by_port(victim, peer, 40000, 8472),
       ipip ? counted("nft-forged") : dropped("route.in_martian_src")},
      {"as another slice, to the world", From::container, plain(far, outside), counted("nft-forged")},
      {"as another slice, to a peer", From::container, plain(far, peer), counted("nft-forged")},
      {"as another slice, to another slice", From::container, plain(ip("250.0.66.2"), far), counted("nft-forged")},
      {"as nobody's slice, to its host", From::container, plain(mine, victim), counted("nft-forged")},
      {"as an address of no overlay, to another slice", From::container, plain(ip("10.9.9.9"), far),
       counted("out-source")},
      {"to the underlay's network address by the tunnel", From::container, plain(target, ip("250.0.0.2")),
       counted("out-broadcast")},
      {"to the underlay's broadcast address by the tunnel", From::container, plain(target, ip("250.255.255.2")),
       counted("out-broadcast")},
      {"to another address of its host by the tunnel", From::container, plain(target, ip("250.0.99.2")),
       counted("nft-misdelivered")},
      {"to another slice's network address", From::container, plain(target, ip("250.0.27.0")),
       counted("out-not-endpoint")},
      {"to another slice's broadcast address", From::container, plain(target, ip("250.0.27.255")),
       counted("out-not-endpoint")},
      {"protocol 4 to a peer", From::other_bridge, by_protocol(behind, peer), ipip ? own_tunnel : not_here},
      {"to a peer's port", From::other_bridge, by_port(behind, peer, 40000, 8472), ipip ? not_here : own_tunnel},
      {"from the port to a peer", From::other_bridge, by_port(behind, peer, 8472, 40000), ipip ? not_here : own_tunnel},
      {"as a slice of its host", From::other_bridge, plain(ip("250.0.28.9"), target), counted("nft-forged")},
      {"as another slice", From::other_bridge, plain(far, target), counted("nft-forged")},
      {"to the slice", From::other_bridge, plain(behind, target), counted("nft-outside")},
      {"protocol 4 to a peer", From::user, by_protocol(victim, peer), ipip ? counted("nft-unmarked") : not_here},
      {"to a peer's port", From::user, by_port(victim, peer, 40000, 8472), ipip ? not_here : counted("nft-unmarked")},
  };
  if (ipip) {
    attacks.push_back(
        {"protocol 4 to its own host", From::container, by_protocol(target, gateway), counted("nft-misdelivered")});
  } else {
    attacks.push_back(
        {"to its own host's port", From::container, by_port(target, victim, 40000, 8472), counted("nft-misdelivered")});
  }
  // docs/limits.md: what this host does not receive itself passes from other bridges and from its users. It reaches
  // nobody who does not receive it either.
  std::erase_if(attacks, [](const Attack& attack) { return attack.verdict.counter == not_here.counter; });
  expect(attacks);
}

// What this host translates the peer takes for this host's: so would it an error about it, and send this host less in
// each packet, tunnel packets among them.
TEST_P(Attacks, OnThePathMtuBetweenHosts) {
  const Capture answers(*container, "eth0", [](const Frame& f) {
    return !f.outgoing && f.protocol() == protocol_icmp && f.source() == peer && f.bytes.size() > 34 &&
           f.bytes[34] == 0;
  });
  std::uint64_t answered = 0;
  const auto ask = [&](std::uint16_t id) {
    const Bytes echo = icmp_echo(id, 1, text("what the error is about"));
    EXPECT_EQ(from_container->send(ipv4({target, peer, protocol_icmp}, echo)), 0);
    EXPECT_TRUE(answers.reached(++answered));
    return echo;
  };
  const auto is_believed = [&](std::uint16_t id) {
    Bytes answer = ask(id);
    answer[0] = 0;
    const Bytes quote = ipv4({peer, target, protocol_icmp}, summed(answer, 2, answer.size()));
    Bytes error{3, 4, 0, 0, 0, 0, 0x02, 0x28}; // 552
    error.insert(error.end(), quote.begin(), quote.end());
    EXPECT_EQ(from_container->send(ipv4({target, peer, protocol_icmp}, summed(error, 2, error.size()))), 0);
    (void)ask(static_cast<std::uint16_t>(id + 1)); // what was sent before has come by then, if it comes
    return a.must({"ip", "route", "get", victim.str()}).find("mtu 552") != std::string::npos;
  };
  EXPECT_FALSE(is_believed(1));
  b.must({"nft", "flush", "chain", "inet", "fanctl", "speaking_to_hosts"});
  EXPECT_TRUE(is_believed(3)) << "without the rule";
  a.ip({"route flush cache"});
}

// The kernel believes an error about a tunnel packet of its own, from wherever: so it has to come by the underlay. What
// it quotes is whole, as over vxlan the network's number is looked at.
TEST_P(Attacks, OnThePathMtuOfTheTunnel) {
  const Bytes quote = tunnelled(datagram(target, far), victim, peer);
  Bytes error{3, 4, 0, 0, 0, 0, 0x02, 0x28}; // 552
  error.insert(error.end(), quote.begin(), quote.end());
  const Bytes packet = ipv4({behind, victim, protocol_icmp}, summed(error, 2, error.size()));
  const auto is_believed = [&] {
    EXPECT_EQ(from_other->send(packet), 0);
    EXPECT_TRUE(pings(*other, victim)); // what was sent before has come by then, if it comes
    return b.must({"ip", "route", "get", peer.str()}).find("mtu 552") != std::string::npos;
  };
  EXPECT_FALSE(is_believed());
  EXPECT_EQ(counts(shown())["nft-forged"], 1U);
  b.must({"nft", "flush", "chain", "inet", "fanctl", "narrowing"});
  EXPECT_TRUE(is_believed()) << "without the rule";
  b.ip({"route flush cache"});
}

// A container's word on routes is not taken, neither by ICMP nor by IPv6.
TEST_P(Attacks, OnTheHostsRoutes) {
  const std::string before =
      b.must({"sh", "-c", "ip route show table all; ip route get 172.30.0.27; ip -6 route show default"});
  Bytes redirect{5, 1, 0, 0, 172, 30, 0, 66};
  const Bytes quote = ipv4({victim, peer}, udp(1, 2, {}));
  redirect.insert(redirect.end(), quote.begin(), quote.end());
  redirect = summed(redirect, 2, redirect.size());
  EXPECT_EQ(from_container->send(ipv4({gateway, victim, protocol_icmp}, redirect)), 0);
  EXPECT_EQ(from_container->send(ipv4({target, gateway, protocol_icmp}, redirect)), 0);
  EXPECT_EQ(frames->send(framed(tunnelled(ipv4({mine, gateway, protocol_icmp}, redirect)))), 0);
  // A router advertisement from fe80::1 to all nodes: for 1800 s.
  Bytes advertisement{134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes from{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const Bytes to{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Bytes pseudo = advertisement; // whose header the sum covers, in any order
  for (const Bytes& part : {from, to, Bytes{0, 0, 0, 16, 0, 0, 0, 58}}) {
    pseudo.insert(pseudo.end(), part.begin(), part.end());
  }
  const Bytes right = summed(pseudo, 2, pseudo.size());
  std::copy(right.begin() + 2, right.begin() + 4, advertisement.begin() + 2);
  Bytes v6{0x60, 0, 0, 0, 0, 16, 58, 255};
  v6.insert(v6.end(), from.begin(), from.end());
  v6.insert(v6.end(), to.begin(), to.end());
  v6.insert(v6.end(), advertisement.begin(), advertisement.end());
  const Bytes frame = ethernet(nobody, Mac{{0x33, 0x33, 0, 0, 0, 1}}, 0x86dd, v6);
  EXPECT_EQ(container_frames->send(frame), 0);
  pause_for(std::chrono::milliseconds(300));
  EXPECT_EQ(b.must({"sh", "-c", "ip route show table all; ip route get 172.30.0.27; ip -6 route show default"}),
            before);
  if (!b.sysctl("net/ipv6/conf/fan-250-0-28/accept_ra").empty()) { // the advertisement is one that would be taken
    b.set_sysctl("net/ipv6/conf/fan-250-0-28/accept_ra", "2");
    EXPECT_TRUE(eventually([&] {
      return container_frames->send(frame) == 0 &&
             !b.must({"ip", "-6", "route", "show", "default", "dev", "fan-250-0-28"}).empty();
    }));
  }
}

} // namespace
} // namespace fan::test
