// Registered endpoints, secured ports and broadcasts on a fan's bridge: real frames, counted where they must not come.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/derive_ports.h"
#include "core/port_sets.h"
#include "support/capture.h"
#include "support/raw_sender.h"
#include "support/snapshot.h"
#include "support/topology.h"
#include "writes.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* bridge = "fan-250-0-27";
constexpr Mac everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

Address at(const std::string& text) {
  return *Address::parse(text);
}

void append(Bytes& bytes, const Mac& mac) {
  bytes.insert(bytes.end(), mac.bytes.begin(), mac.bytes.end());
}
void append(Bytes& bytes, Address address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(address.v4() >> static_cast<unsigned>(shift)));
  }
}

enum class Arp : std::uint8_t { request = 1, reply = 2 };

struct ArpSender {
  Mac mac;
  Address address;
};

// An ARP message in a frame from `frame_source`.
Bytes arp(Arp operation, const Mac& frame_source, const ArpSender& sender, Address target,
          const Mac& destination = everybody) {
  Bytes message{0, 1, 8, 0, 6, 4, 0, static_cast<std::uint8_t>(operation)};
  append(message, sender.mac);
  append(message, sender.address);
  append(message, Mac{});
  append(message, target);
  message.resize(46); // an Ethernet frame is not shorter
  return ethernet(frame_source, destination, 0x0806, message);
}

bool is_arp(const Frame& frame, Arp operation) {
  return frame.bytes.size() >= 42 && frame.bytes[12] == 8 && frame.bytes[13] == 6 &&
         frame.bytes[21] == static_cast<std::uint8_t>(operation);
}

// Whom an ARP message is about: its sender for a reply, its target for a request.
Address arp_address(const Frame& frame, Arp operation) {
  const std::size_t begin = operation == Arp::request ? 38 : 28;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8U) | frame.bytes[begin + i];
  }
  return Address(value);
}

Capture::Predicate who_has(Address target) {
  return [target](const Frame& frame) {
    return !frame.outgoing && is_arp(frame, Arp::request) && arp_address(frame, Arp::request) == target;
  };
}
Capture::Predicate is_at(Address sender, const Mac& mac) {
  return [sender, mac](const Frame& frame) {
    return !frame.outgoing && is_arp(frame, Arp::reply) && arp_address(frame, Arp::reply) == sender &&
           std::equal(mac.bytes.begin(), mac.bytes.end(), frame.bytes.begin() + 22);
  };
}

Capture::Predicate says(const std::string& words) {
  return [words](const Frame& frame) {
    return !frame.outgoing &&
           std::search(frame.bytes.begin(), frame.bytes.end(), words.begin(), words.end()) != frame.bytes.end();
  };
}

// An IPv6 packet; checksums are not looked at by who only counts.
Bytes ipv6(const std::array<std::uint8_t, 16>& source, std::uint8_t protocol, const Bytes& payload) {
  Bytes packet{
      0x60,     0,  0, 0, static_cast<std::uint8_t>(payload.size() >> 8U), static_cast<std::uint8_t>(payload.size()),
      protocol, 255};
  packet.insert(packet.end(), source.begin(), source.end());
  packet.insert(packet.end(), {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

// A message of neighbour discovery about `target`, and `words` behind it.
Bytes neighbour_discovery(std::uint8_t type, const std::array<std::uint8_t, 16>& target, const std::string& words) {
  Bytes message{type, 0, 0, 0, 0x20, 0, 0, 0};
  message.insert(message.end(), target.begin(), target.end());
  message.insert(message.end(), words.begin(), words.end());
  return message;
}

Bytes tagged(const Bytes& frame) {
  Bytes with = frame;
  with.insert(with.begin() + 12, {0x81, 0, 0, 5});
  return with;
}

// Without what the bridge has learned of itself: an entry of ours takes its place, and nothing is there when that goes.
Snapshot state_of(const Host& host) {
  Snapshot state = snapshot(host);
  std::erase_if(state.lines, [](const std::string& line) {
    return line.starts_with("fdb: ") && line.find(" static") == std::string::npos &&
           line.find(" permanent") == std::string::npos;
  });
  return state;
}

class Endpoints : public testing::Test {
protected:
  void SetUp() override {
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
    host.set_sysctl(std::string("net/ipv6/conf/") + bridge + "/disable_ipv6", "1"); // a quiet bridge can be counted on
    for (int n = 2; n <= 5; ++n) {
      members.emplace_back(static_cast<const Netns&>(host), bridge);
      members.back().address(address_of(n).str() + "/24", at("250.0.27.1"));
    }
  }
  void TearDown() override {
    members.clear();
    host.fanctl_must({"down", "250.0.0.0/8", "eth0/16", "--force"});
  }

  static Address address_of(int n) { return Address(0xfa001b00U + static_cast<std::uint32_t>(n)); }
  // The container with the n-th address of the slice.
  Container& c(int n) { return members[static_cast<std::size_t>(n) - 2]; }

  std::vector<std::string> adding(int n, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"endpoint",          "add",   "--port",        c(n).port(), "--address",
                                   address_of(n).str(), "--mac", c(n).mac().str()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void add(int n, const std::vector<std::string>& more = {}) { host.fanctl_must(adding(n, more)); }
  bool is_whole() { return host.fanctl({"show", "--check"}).ok(); }

  // Sends a frame by `n`, and then one that everybody gets, from where all were sent before.
  void send(int n, const Bytes& frame) { RawSender::frames(c(n), "eth0").send(frame); }
  Bytes asking(int n, Address target) { return arp(Arp::request, c(n).mac(), {c(n).mac(), address_of(n)}, target); }

  // What `frame` of container `n` brings to container `other`: 0 or 1. A frame that is for that one alone says when it
  // would have come.
  std::uint64_t copies(int n, int other, const Bytes& frame, const Capture::Predicate& what) {
    const Capture got(c(other), "eth0", what);
    const Capture end(c(other), "eth0", says("that was all"));
    send(n, frame);
    send(n, ethernet(c(n).mac(), c(other).mac(), 0x0800,
                     ipv4({address_of(n), address_of(other)}, udp(9, 9, text("that was all")))));
    EXPECT_TRUE(end.reached(1));
    return got.count();
  }

  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.0.27/16");
  std::deque<Container> members;
};

TEST_F(Endpoints, LearningThatSomebodyElseSwitchedOffStaysOff) {
  const std::string port = c(2).port();
  const auto learning = [&] {
    const std::string flags = host.must({"bridge", "-d", "link", "show", "dev", port});
    return flags.find(" learning on") != std::string::npos ? "on" : "off";
  };
  for (const char* word : {"off", "on", "off"}) {
    host.must({"bridge", "link", "set", "dev", port, "learning", word});
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
    EXPECT_STREQ(learning(), word) << "of no endpoint's port";
    add(2, {"--secure"});
    EXPECT_STREQ(learning(), "off");
    EXPECT_TRUE(is_whole());
    EXPECT_EQ(writes_of(host, adding(2, {"--secure"})), std::vector<std::string>{});
    host.fanctl_must({"endpoint", "del", "--port", port});
    EXPECT_STREQ(learning(), word);
    EXPECT_TRUE(is_whole());
  }
  // The fan's own word secures a port as well.
  host.must({"bridge", "link", "set", "dev", port, "learning", "off"});
  add(2);
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "secure"});
  host.fanctl_must({"endpoint", "del", "--port", port});
  EXPECT_STREQ(learning(), "off");
}

TEST_F(Endpoints, TheBridgeAnswersForThemAndForTheGatewayAndCopiesNothing) {
  EXPECT_EQ(copies(2, 4, asking(2, address_of(3)), who_has(address_of(3))), 1U) << "nobody is registered yet";
  add(3);
  const Mac own = *Mac::parse(link_field(host, bridge, "link/ether"));
  for (const auto& [target, mac] : {std::pair(address_of(3), c(3).mac()), std::pair(at("250.0.27.1"), own)}) {
    const Capture answer(c(2), "eth0", is_at(target, mac));
    EXPECT_EQ(copies(2, 4, asking(2, target), who_has(target)), 0U) << target.str();
    EXPECT_EQ(copies(2, 3, asking(2, target), who_has(target)), 0U) << target.str();
    EXPECT_TRUE(answer.reached(2)) << target.str();
  }
  EXPECT_EQ(copies(2, 4, asking(2, address_of(5)), who_has(address_of(5))), 1U) << "who is not registered is asked";
  for (const int other : {1, 3, 4, 5}) {
    EXPECT_TRUE(pings(c(2), address_of(other))) << other;
  }
  EXPECT_TRUE(pings(host, address_of(3)));
  EXPECT_TRUE(is_whole());
}

TEST_F(Endpoints, AreListedRepeatedReplacedAndRemovedWithoutATrace) {
  const Snapshot before = state_of(host);
  add(2);
  add(3, {"--secure", "--allow", "10.1.0.0/16"});
  EXPECT_EQ(host.fanctl_must(adding(3, {"--secure", "--allow", "10.1.0.0/16", "--dry-run"})), "");
  const std::string list = host.fanctl_must({"endpoint", "list"});
  EXPECT_THAT(list, HasSubstr(address_of(2).str()));
  EXPECT_THAT(list, HasSubstr("secure allow 10.1.0.0/16"));
  host.fanctl_must({"endpoint", "add", "--port", c(4).port(), "--address", address_of(2).str(), "--mac",
                    c(4).mac().str()}); // the address moves to another container
  EXPECT_THAT(host.must({"bridge", "fdb", "show", "br", bridge}),
              Not(HasSubstr(c(2).mac().str() + " dev " + c(2).port() + " sticky")));
  EXPECT_THAT(host.must({"bridge", "fdb", "show", "br", bridge}), HasSubstr(c(4).mac().str() + " dev " + c(4).port()));
  EXPECT_TRUE(is_whole());
  host.fanctl_must({"endpoint", "del", "--address", address_of(2).str()});
  host.fanctl_must({"endpoint", "del", "--port", c(3).port()});
  EXPECT_TRUE(host.fanctl({"endpoint", "del", "--port", c(3).port()}).ok());
  EXPECT_EQ(difference(before, state_of(host)), "");
}

TEST_F(Endpoints, UpPutsBackWhatTheBridgeForgot) {
  add(2);
  add(3, {"--secure"});
  const std::string listed = host.fanctl_must({"endpoint", "list"});
  std::vector<std::vector<std::string>> events{
      {"ip", "link", "set", bridge, "down"},
      {"ip", "link", "set", bridge, "address", "02:fa:00:00:77:77"},
      {"ip", "addr", "flush", "dev", bridge},
      {"ip", "link", "set", "dev", c(3).port(), "type", "bridge_slave", "proxy_arp_wifi", "off"},
      {"bridge", "fdb", "del", c(3).mac().str(), "dev", c(3).port(), "master"},
      {"bridge", "fdb", "replace", c(3).mac().str(), "dev", c(3).port(), "master", "static"}, // not sticky
      {"bridge", "fdb", "replace", c(3).mac().str(), "dev", c(4).port(), "master", "static"},
      {"ip", "neigh", "replace", address_of(3).str(), "lladdr", "02:00:00:00:00:99", "dev", bridge},
      {"ip", "neigh", "del", address_of(3).str(), "dev", bridge},
      {"nft", "delete", "element", "bridge", "fanctl", "ports", "{ \"" + c(3).port() + "\" }"},
      {"nft", "delete", "table", "bridge", "fanctl"},
  };
  for (const char* set : {"answered", "addresses", "macs", "addresses6", "targets6", "ports"}) {
    events.push_back({"nft", "flush", std::string_view(set) == "ports" ? "map" : "set", "bridge", "fanctl", set});
  }
  const Bytes forged = ethernet(c(3).mac(), everybody, 0x0800,
                                ipv4({address_of(5), Address(0xffffffffU)}, udp(7, 7, text("not its address"))));
  for (const std::vector<std::string>& event : events) {
    host.must(event);
    EXPECT_FALSE(is_whole()) << testing::PrintToString(event);
    EXPECT_EQ(host.fanctl_must({"endpoint", "list"}), listed) << testing::PrintToString(event);
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
    EXPECT_TRUE(is_whole()) << testing::PrintToString(event) << host.fanctl_must({"show", "-v"});
    EXPECT_EQ(copies(4, 5, asking(4, address_of(3)), who_has(address_of(3))), 0U) << testing::PrintToString(event);
    EXPECT_EQ(copies(3, 5, forged, says("not its address")), 0U) << testing::PrintToString(event);
  }
  EXPECT_EQ(host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "--dry-run"}), "");
}

TEST_F(Endpoints, AreNotCoveredByTheAddressesOfTheHost) {
  add(5);
  const Outcome refused = host.fanctl({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "host-reserve", "5"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("host-reserve 5 covers 250.0.27.5"));
  EXPECT_TRUE(is_whole());
}

// Any group's address in a frame for all is a broadcast by another name.
TEST_F(Endpoints, ABroadcastToAGroupsMacIsABroadcast) {
  host.fanctl_must({"broadcast", "reset", "--force"});
  const auto frame = [&](const Mac& to, Address destination) {
    return ethernet(c(2).mac(), to, 0x0800, ipv4({address_of(2), destination}, udp(7, 7, text("to whom"))));
  };
  const Mac group{{0x01, 0x00, 0x5e, 0, 0, 1}};
  EXPECT_EQ(copies(2, 4, frame(group, Address(0xe0000001U)), says("to whom")), 1U) << "a group is none";
  for (const Mac& to : {everybody, group, Mac{{0x03, 0, 0, 0, 0, 1}}}) {
    EXPECT_EQ(copies(2, 4, frame(to, Address(0xffffffffU)), says("to whom")), 0U) << to.str();
    EXPECT_EQ(copies(2, 4, frame(to, at("250.0.27.255")), says("to whom")), 0U) << to.str();
    EXPECT_EQ(copies(2, 4, arp(Arp::request, c(2).mac(), {c(2).mac(), address_of(2)}, address_of(5), to),
                     who_has(address_of(5))),
              0U)
        << to.str();
  }
}

TEST_F(Endpoints, ABridgeStaysQuietWhenThatIsDeleted) {
  host.fanctl_must({"broadcast", "reset", "--force"});
  host.fanctl_must({"broadcast", "receive", c(5).port()});
  const std::string listed = host.fanctl_must({"broadcast", "list"});
  const Bytes loud = ethernet(c(2).mac(), everybody, 0x0800,
                              ipv4({address_of(2), Address(0xffffffffU)}, udp(7, 7, text("hello everybody"))));
  for (const char* set : {"quiet", "selective", "restricted"}) {
    EXPECT_EQ(copies(2, 5, loud, says("hello everybody")), 0U) << set;
    host.must({"nft", "flush", "set", "bridge", "fanctl", set});
    EXPECT_FALSE(is_whole()) << set;
    EXPECT_EQ(host.fanctl_must({"broadcast", "list"}), listed) << set;
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
    EXPECT_TRUE(is_whole()) << set;
  }
}

TEST_F(Endpoints, OfAPortThatLeftAreKeptAndFollowItBack) {
  add(3, {"--secure"});
  host.ip({"link set dev " + c(3).port() + " nomaster"});
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}), HasSubstr("secure detached"));
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  EXPECT_TRUE(is_whole());
  host.ip({"link set dev " + c(3).port() + " master " + bridge});
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  EXPECT_TRUE(is_whole());
  EXPECT_TRUE(eventually([&] { return pings(c(2), address_of(3)); }));
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}), Not(HasSubstr("detached")));
}

TEST_F(Endpoints, TheDryRunsLinesDoTheSame) {
  std::vector<std::string> dry =
      adding(3, {"--secure", "--allow", "10.1.0.0/16", "--allow", "2001:db8::/32", "--dry-run"});
  const Snapshot before = state_of(host);
  const std::string lines = host.fanctl_must(dry);
  EXPECT_EQ(difference(before, state_of(host)), "");
  host.must({"sh", "-ec", lines});
  EXPECT_EQ(host.fanctl_must(dry), "");
  EXPECT_TRUE(is_whole());
  host.must({"sh", "-ec", host.fanctl_must({"endpoint", "del", "--port", c(3).port(), "--dry-run"})});
  EXPECT_EQ(difference(before, state_of(host)), "");
}

TEST_F(Endpoints, DownTakesFlagsAndEntriesFromPortsThatStay) {
  add(3, {"--secure"});
  host.fanctl_must({"down", bridge, "--force"});
  EXPECT_THAT(host.run({"nft", "list", "tables"}).out, Not(HasSubstr("fanctl")));
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  EXPECT_EQ(host.fanctl_must({"endpoint", "list", "--json"}).find("\"address\""), std::string::npos);
}

TEST_F(Endpoints, ThatCannotBeAreRefusedAndNothingIsChanged) {
  add(2);
  const Container elsewhere(static_cast<const Netns&>(host), [this] {
    host.ip({"link add br9 type bridge", "link set br9 up"});
    return std::string("br9");
  }());
  EXPECT_TRUE(pings(c(4), at("250.0.27.1"))); // the bridge has seen its MAC
  const Snapshot before = state_of(host);
  struct Bad {
    std::vector<std::string> words; // port, address, MAC
    const char* says;
  };
  const std::string mac = "02:00:00:00:00:09";
  for (const Bad& bad : std::vector<Bad>{
           {{"nosuch", "250.0.27.9", mac}, "there is no device"},
           {{elsewhere.port(), "250.0.27.9", mac}, "is a port of br9"},
           {{"eth0", "250.0.27.9", mac}, "is no port of a bridge"},
           {{c(3).port(), "250.0.28.9", mac}, "is in no slice of this host"},
           {{c(3).port(), "250.0.27.1", mac}, "is the gateway"},
           {{c(3).port(), "250.0.27.0", mac}, "network or broadcast"},
           {{c(3).port(), "250.0.27.255", mac}, "network or broadcast"},
           {{c(3).port(), "250.0.27.9", "01:00:5e:00:00:01"}, "multicast"},
           {{c(3).port(), "250.0.27.9", "00:00:00:00:00:00"}, "zeros"},
           {{c(3).port(), "250.0.27.9", "nonsense"}, "nonsense"},
           {{c(3).port(), "250.0.27.9", c(2).mac().str()}, "is the MAC address of"},
           {{c(3).port(), "250.0.27.9", c(4).mac().str()}, "was seen behind port"},
           {{c(3).port(), "250.0.27.9", link_field(host, c(3).port(), "link/ether")}, "host's own device"},
       }) {
    const Outcome refused =
        host.fanctl({"endpoint", "add", "--port", bad.words[0], "--address", bad.words[1], "--mac", bad.words[2]});
    EXPECT_FALSE(refused.ok()) << bad.says;
    EXPECT_THAT(refused.err, HasSubstr(bad.says));
  }
  EXPECT_EQ(difference(before, state_of(host)), "");
}

std::string line_of(const std::string& port, const std::string& address, const std::string& mac) {
  return fmt::format(R"({{"port": "{}", "address": "{}", "mac": "{}"}})"
                     "\n",
                     port, address, mac);
}

TEST_F(Endpoints, OfAFileAreAppliedAllOrNone) {
  add(5);
  std::string text;
  for (int n = 2; n <= 4; ++n) {
    text += line_of(c(n).port(), address_of(n).str(), c(n).mac().str());
  }
  RunOptions options;
  options.input = text + line_of(c(3).port(), "250.0.27.77", "02:00:00:00:00:0g");
  const Snapshot before = state_of(host);
  const Outcome bad = host.fanctl({"endpoint", "apply", "-"}, options);
  EXPECT_EQ(bad.status, 2) << bad.err;
  EXPECT_THAT(bad.err, HasSubstr("standard input:4:"));
  options.input = text + line_of("nosuch", "250.0.27.77", "02:00:00:00:00:09");
  EXPECT_THAT(host.fanctl({"endpoint", "apply", "-"}, options).err, HasSubstr("standard input:4:"));
  EXPECT_EQ(difference(before, state_of(host)), "");
  options.input = "# three\n\n" + text;
  host.fanctl_must({"endpoint", "apply", bridge, "-"}, options);
  const std::string list = host.fanctl_must({"endpoint", "list"});
  EXPECT_THAT(list, HasSubstr(address_of(4).str()));
  EXPECT_THAT(list, Not(HasSubstr(address_of(5).str())));
  EXPECT_EQ(host.fanctl_must({"endpoint", "apply", "-", "--dry-run"}, options), "");
  EXPECT_TRUE(is_whole());
}

// A slice for more than a few: 250.0.16.0/20.
class ManyEndpoints : public testing::Test {
protected:
  static constexpr unsigned count = 1000;

  void SetUp() override {
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/20", "type", "vxlan", "bridge", "br0"});
    for (int n = 0; n < 2; ++n) {
      members.emplace_back(static_cast<const Netns&>(host), "br0");
    }
    host.fanctl_must({"endpoint", "add", "--port", members[1].port(), "--address", "250.0.31.2", "--mac",
                      members[1].mac().str()}); // so that the table is there
  }
  void TearDown() override {
    members.clear();
    host.fanctl_must({"down", "br0", "--force"});
  }

  static std::string address(unsigned n) { return Address(0xfa001001U + n).str(); } // the first is 250.0.16.2
  static std::string mac(unsigned n) {
    return Mac{{2, 0, 0, 9, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}}.str();
  }
  std::string line(unsigned n) { return line_of(members[n % 2].port(), address(n), mac(n)); }
  // Lines 1 to `count`; `bad` in place of line 700.
  RunOptions file(const std::string& bad = {}) {
    RunOptions options;
    for (unsigned n = 1; n <= count; ++n) {
      options.input += n == 700 && !bad.empty() ? bad : line(n);
    }
    return options;
  }
  std::size_t registered() {
    const std::string list = host.fanctl_must({"endpoint", "list"});
    return static_cast<std::size_t>(std::count(list.begin(), list.end(), '\n')) - 1;
  }
  bool is_whole() { return host.fanctl({"show", "--check"}).ok(); }
  // fanctl under strace, of which the requests that match `what` are kept; without those of nft's own process when
  // `alone`.
  std::vector<std::string> requests(const std::vector<std::string>& words, const RunOptions& options,
                                    const std::vector<std::string>& what, bool alone = false) {
    Argv argv{"strace", "-qq", "-s", "64", "-e", "trace=sendto,sendmsg"};
    if (!alone) {
      argv.emplace_back("-f");
    }
    argv.push_back(fanctl_path());
    argv.insert(argv.end(), words.begin(), words.end());
    std::istringstream trace(host.run(argv, options).err);
    std::vector<std::string> found;
    for (std::string one; std::getline(trace, one);) {
      if (std::all_of(what.begin(), what.end(),
                      [&](const std::string& word) { return one.find(word) != std::string::npos; })) {
        found.push_back(one);
      }
    }
    return found;
  }

  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.240.1/20");
  std::deque<Container> members;
};

TEST_F(ManyEndpoints, OneBadLineOfAThousandIsNamedAndNothingIsApplied) {
  const Snapshot before = state_of(host);
  const std::string& port = members[0].port();
  struct Bad {
    std::string line;
    const char* says;
  };
  for (const Bad& bad : std::vector<Bad>{
           {"{\"port\": nonsense}\n", "standard input:700:"},
           {line_of("nosuch", address(700), mac(700)), "there is no device"},
           {line_of("eth0", address(700), mac(700)), "is no port of a bridge"},
           {line_of(port, "250.0.32.1", mac(700)), "is in no slice of this host"},
           {line_of(port, "250.0.16.1", mac(700)), "is the gateway"},
           {line_of(port, address(3), mac(700)), "is given twice"},
           {line_of(port, address(700), "01:00:5e:00:00:01"), "multicast"},
           {line_of(port, address(700), mac(699)), "is the MAC address of"},
       }) {
    const Outcome refused = host.fanctl({"endpoint", "apply", "-"}, file(bad.line));
    EXPECT_FALSE(refused.ok()) << bad.line;
    EXPECT_THAT(refused.err, HasSubstr(bad.says));
    EXPECT_THAT(refused.err, HasSubstr("standard input:700:"));
  }
  EXPECT_EQ(difference(before, state_of(host)), "");
  EXPECT_EQ(registered(), 1U);
}

// A thousand devices take long to list, and so does the ruleset.
TEST_F(ManyEndpoints, AreAppliedWithOneLookBeforeAndOneAfter) {
  const auto lists_of_devices = [&] {
    return requests({"endpoint", "apply", "-"}, file(), {"RTM_GETLINK", "NLM_F_DUMP"}).size();
  };
  EXPECT_EQ(lists_of_devices(), 2U);
  EXPECT_EQ(registered(), count);
  EXPECT_EQ(lists_of_devices(), 1U) << "there was nothing to do";
  host.fanctl_must({"endpoint", "del", "--port", members[0].port()});
  EXPECT_EQ(registered(), count / 2);
  const auto rules = requests({"endpoint", "apply", "-"}, file(), {"NFT_MSG_GETRULE"});
  EXPECT_LE(rules.size(), 4U) << joined(rules); // two tables before, one after, and what nft itself asks to add
  EXPECT_EQ(requests({"endpoint", "apply", "-"}, file(), {"NFT_MSG_GETRULE"}).size(), 2U);
  for (const char* write : {"RTM_NEW", "RTM_DEL", "RTM_SET", "NFT_MSG_NEW"}) {
    EXPECT_EQ(joined(requests({"endpoint", "apply", "-"}, file(), {write})), "");
  }
  EXPECT_TRUE(is_whole());
}

// The bridge has learned them: the kernel refuses each entry once, as there is one, and says so in as many answers.
TEST_F(ManyEndpoints, WhoHaveAllSentAlreadyAreApplied) {
  RunOptions learned;
  for (unsigned n = 1; n <= count; ++n) {
    learned.input += fmt::format("fdb add {} dev {} master dynamic\n", mac(n), members[n % 2].port());
  }
  host.must({"bridge", "-batch", "-"}, learned);
  RunOptions with_the_first = file(); // were that one to go, the table would be read, and nothing refused
  with_the_first.input += line_of(members[1].port(), "250.0.31.2", members[1].mac().str());
  const Outcome applied = host.fanctl({"endpoint", "apply", "-"}, with_the_first);
  EXPECT_TRUE(applied.ok()) << applied.err;
  EXPECT_EQ(registered(), count + 1);
  EXPECT_TRUE(is_whole());
}

TEST_F(ManyEndpoints, WhoseApplyIsKilledAreAppliedByTheNext) {
  const std::size_t all = requests({"endpoint", "apply", "-"}, file(), {"sendto("}, true).size();
  ASSERT_GT(all, 50U);
  unsigned half_done = 0;
  for (std::size_t part = 1; part <= 9; ++part) {
    host.fanctl_must({"endpoint", "del", "--port", members[0].port()});
    host.fanctl_must({"endpoint", "del", "--port", members[1].port()});
    const Outcome killed = host.run({"strace", "-qq", "-o", "/dev/null", "-e", "trace=sendto", "-e",
                                     fmt::format("inject=sendto:signal=KILL:when={}", all * part / 10), fanctl_path(),
                                     "endpoint", "apply", "-"},
                                    file());
    EXPECT_FALSE(killed.ok()) << part;
    half_done += is_whole() ? 0 : 1;
    host.fanctl_must({"endpoint", "apply", "-"}, file());
    EXPECT_TRUE(is_whole()) << part;
    EXPECT_EQ(registered(), count) << part;
    EXPECT_EQ(host.fanctl_must({"endpoint", "apply", "-", "--dry-run"}, file()), "") << part;
  }
  EXPECT_GT(half_done, 2U) << "it was killed before it had begun, or after it had ended";
}

// RFC 1071, of `length` bytes from `begin`, put at `at`: a bridge that snoops takes nothing with a wrong one.
void put_checksum(Bytes& packet, std::size_t begin, std::size_t length, std::size_t at) {
  std::uint32_t sum = 0;
  for (std::size_t n = begin; n < begin + length; n += 2) {
    sum += packet[n] * 256U + packet[n + 1];
  }
  sum = ~((sum & 0xffffU) + (sum >> 16U));
  packet[at] = static_cast<std::uint8_t>(sum >> 8U);
  packet[at + 1] = static_cast<std::uint8_t>(sum);
}

// "Who hears which groups?", behind options of the IPv4 header.
Bytes group_query(Address source, const Bytes& options) {
  Bytes query{0x11, 100, 0, 0, 0, 0, 0, 0};
  const Bytes name = text("igmp-query");
  query.insert(query.end(), name.begin(), name.end());
  put_checksum(query, 0, query.size(), 2);
  Bytes packet = ipv4({source, at("224.0.0.1"), 2, 1}, query);
  packet.insert(packet.begin() + 20, options.begin(), options.end());
  packet[0] = static_cast<std::uint8_t>(0x45 + options.size() / 4);
  packet[3] = static_cast<std::uint8_t>(packet[3] + options.size());
  packet[10] = packet[11] = 0;
  put_checksum(packet, 0, 20 + options.size(), 10);
  return packet;
}

struct Forgery {
  const char* name;
  Bytes frame;
};

class SecuredPort : public Endpoints {
protected:
  // As container `n` would send them; each has its name in it.
  std::vector<Forgery> forgeries(int n) {
    const Mac own = c(n).mac();
    const Mac other{{0x02, 0, 0, 0, 0, 0x66}};
    const Address gateway = at("250.0.27.1");
    const Mac all_nodes{{0x33, 0x33, 0, 0, 0, 1}};
    const auto local = link_local_of(own);
    const auto foreign = link_local_of(other);
    const auto v4 = [&](Address source, std::uint16_t from, std::uint16_t to, const char* name) {
      return ipv4({source, Address(0xffffffffU)}, udp(from, to, text(name)));
    };
    const auto named = [](Bytes frame, const char* name) {
      std::copy_n(name, std::strlen(name), frame.begin() + 42);
      return frame;
    };
    return {
        {"address", ethernet(own, everybody, 0x0800, v4(address_of(5), 7, 7, "address"))},
        {"mac", ethernet(other, everybody, 0x0800, v4(address_of(n), 7, 7, "mac"))},
        {"arp-gateway", named(arp(Arp::reply, own, {own, gateway}, address_of(4)), "arp-gateway")},
        {"arp-inner-mac", named(arp(Arp::reply, own, {other, address_of(n)}, address_of(4)), "arp-inner-mac")},
        {"arp-outer-mac", named(arp(Arp::reply, other, {own, address_of(n)}, address_of(4)), "arp-outer-mac")},
        {"arp-probe", named(arp(Arp::request, own, {own, Address()}, at("250.0.27.99")), "arp-probe")},
        {"dhcp-offer", ethernet(own, everybody, 0x0800, v4(address_of(n), 67, 68, "dhcp-offer"))},
        {"dhcp-any-port", ethernet(own, everybody, 0x0800, v4(address_of(n), 1067, 68, "dhcp-any-port"))},
        {"vlan", tagged(ethernet(own, everybody, 0x0800, v4(address_of(n), 7, 7, "vlan")))},
        {"ipv6-source", ethernet(own, all_nodes, 0x86dd, ipv6(foreign, 17, udp(7, 7, text("ipv6-source"))))},
        {"ipv6-mac", ethernet(other, all_nodes, 0x86dd, ipv6(local, 17, udp(7, 7, text("ipv6-mac"))))},
        {"advertised-router",
         ethernet(own, all_nodes, 0x86dd, ipv6(local, 58, neighbour_discovery(134, {}, "advertised-router")))},
        {"redirect", ethernet(own, all_nodes, 0x86dd, ipv6(local, 58, neighbour_discovery(137, {}, "redirect")))},
        {"mld-query", ethernet(own, all_nodes, 0x86dd, ipv6(local, 58, neighbour_discovery(130, {}, "mld-query")))},
        {"igmp-query", ethernet(own, *Mac::parse("01:00:5e:00:00:01"), 0x0800, group_query(address_of(n), {}))},
        {"igmp-query", ethernet(own, *Mac::parse("01:00:5e:00:00:01"), 0x0800,
                                group_query(address_of(n), {0x94, 4, 0, 0}))}, // with the option that it should have
        {"advertised-other",
         ethernet(own, all_nodes, 0x86dd, ipv6(local, 58, neighbour_discovery(136, foreign, "advertised-other")))},
        {"probe-of-other",
         ethernet(own, all_nodes, 0x86dd, ipv6({}, 58, neighbour_discovery(135, foreign, "probe-of-other")))},
        {"dhcpv6-server", ethernet(own, all_nodes, 0x86dd, ipv6(local, 17, udp(547, 546, text("dhcpv6-server"))))},
        {"dhcpv6-any-port", ethernet(own, all_nodes, 0x86dd, ipv6(local, 17, udp(1547, 546, text("dhcpv6-any-port"))))},
        {"other-protocol", ethernet(own, everybody, 0x88b5, text("other-protocol, which is long enough for a frame"))},
    };
  }
};

TEST_F(SecuredPort, SendsAsItsEndpointOrNotAtAll) {
  add(2);
  add(3, {"--secure", "--allow", "10.1.0.0/16"});
  for (const Forgery& forgery : forgeries(2)) {
    EXPECT_EQ(copies(2, 4, forgery.frame, says(forgery.name)), 1U) << forgery.name << " of a port that is not secured";
  }
  for (const Forgery& forgery : forgeries(3)) {
    EXPECT_EQ(copies(3, 4, forgery.frame, says(forgery.name)), 0U) << forgery.name;
  }
  const Mac own = c(3).mac();
  const Mac all_nodes{{0x33, 0x33, 0, 0, 0, 1}};
  const auto local = link_local_of(own);
  for (const Forgery& fair : std::vector<Forgery>{
           {"allowed-network",
            ethernet(own, everybody, 0x0800,
                     ipv4({at("10.1.2.3"), Address(0xffffffffU)}, udp(7, 7, text("allowed-network"))))},
           {"dhcp-discover", ethernet(own, everybody, 0x0800,
                                      ipv4({Address(), Address(0xffffffffU)}, udp(68, 67, text("dhcp-discover"))))},
           {"its-broadcast", ethernet(own, everybody, 0x0800,
                                      ipv4({address_of(3), Address(0xffffffffU)}, udp(7, 7, text("its-broadcast"))))},
           {"its-ipv6", ethernet(own, all_nodes, 0x86dd, ipv6(local, 17, udp(7, 7, text("its-ipv6"))))},
           {"its-advertisement",
            ethernet(own, all_nodes, 0x86dd, ipv6(local, 58, neighbour_discovery(136, local, "its-advertisement")))},
           {"its-probe", ethernet(own, all_nodes, 0x86dd, ipv6({}, 58, neighbour_discovery(135, local, "its-probe")))},
       }) {
    EXPECT_EQ(copies(3, 4, fair.frame, says(fair.name)), 1U) << fair.name;
  }
  EXPECT_TRUE(pings(c(3), address_of(4)));
  EXPECT_TRUE(pings(c(4), address_of(3)));
  EXPECT_TRUE(pings(c(3), at("250.0.27.1")));
}

TEST_F(SecuredPort, AllOfAFanAreByItsOption) {
  add(2);
  const std::vector<std::string> plain{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
  std::vector<std::string> secure = plain;
  secure.emplace_back("secure");
  host.fanctl_must(secure);
  add(3);
  EXPECT_TRUE(is_whole());
  for (const int n : {2, 3}) {
    for (const Forgery& forgery : forgeries(n)) {
      EXPECT_EQ(copies(n, 5, forgery.frame, says(forgery.name)), 0U) << forgery.name;
    }
    EXPECT_TRUE(pings(c(n), at("250.0.27.1")));
  }
  EXPECT_EQ(copies(4, 5, forgeries(4).front().frame, says("address")), 1U) << "it has no endpoint";
  host.fanctl_must(plain);
  EXPECT_EQ(copies(3, 5, forgeries(3).front().frame, says("address")), 0U) << "what is secured stays so";
  host.fanctl_must({"endpoint", "del", "--port", c(3).port()});
  add(3);
  EXPECT_EQ(copies(3, 5, forgeries(3).front().frame, says("address")), 1U);
  EXPECT_TRUE(is_whole());
}

// The bridge hands frames for link-local groups to the host, past the table, and learns their sources all the same.
TEST_F(SecuredPort, DrawsNoFramesToItselfByTeachingTheBridge) {
  const Mac unregistered = c(4).mac();
  const auto teach = [&](int n) {
    const Bytes lldp = ethernet(unregistered, {{0x01, 0x80, 0xc2, 0, 0, 0x0e}}, 0x88cc, Bytes(46, 0));
    send(n, lldp);
  };
  const auto is_behind = [&](int n) {
    const std::string table = host.must({"bridge", "fdb", "show", "br", bridge});
    return table.find(unregistered.str() + " dev " + c(n).port()) != std::string::npos;
  };
  add(2);
  teach(2);
  EXPECT_TRUE(eventually([&] { return is_behind(2); })) << "of a port that is not secured";
  EXPECT_TRUE(pings(c(4), at("250.0.27.1"))) << "its own frames teach the bridge better";
  ASSERT_TRUE(is_behind(4));
  add(3, {"--secure"});
  teach(3);
  EXPECT_TRUE(pings(c(3), at("250.0.27.1"))); // what was sent before has come by now
  EXPECT_TRUE(is_behind(4));
  host.ip({"link set dev " + c(3).port() + " type bridge_slave learning on"});
  EXPECT_THAT(host.fanctl({"show", "-v"}).out, HasSubstr("flag " + c(3).port() + " learning"));
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  EXPECT_EQ(host.fanctl_must({"show", "-v"}).find("learning"), std::string::npos);
  host.fanctl_must({"endpoint", "del", "--port", c(3).port()});
  EXPECT_THAT(host.must({"ip", "-d", "link", "show", "dev", c(3).port()}), HasSubstr("learning on"));
}

std::array<std::uint8_t, 16> in6(const char* text) {
  std::array<std::uint8_t, 16> bytes{};
  EXPECT_EQ(inet_pton(AF_INET6, text, bytes.data()), 1) << text;
  return bytes;
}

TEST_F(SecuredPort, SendsFromIpv6NetworksThatItMayAndNoOthers) {
  add(3, {"--secure", "--allow", "2001:db8:3::/64", "--allow", "2001:db8:5::5", "--allow", "10.1.0.0/16"});
  add(5, {"--secure", "--allow", "2001:db8:9::/64"});
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}),
              HasSubstr("secure allow 10.1.0.0/16 allow 2001:db8:3::/64 allow 2001:db8:5::5/128"));
  EXPECT_TRUE(is_whole());
  const Mac own = c(3).mac();
  const Mac other{{0x02, 0, 0, 0, 0, 0x66}};
  const Mac all_nodes{{0x33, 0x33, 0, 0, 0, 1}};
  const auto local = link_local_of(own);
  const auto says_it = [&](const Mac& mac, const std::array<std::uint8_t, 16>& source, const char* name) {
    return Forgery{name, ethernet(mac, all_nodes, 0x86dd, ipv6(source, 17, udp(7, 7, text(name))))};
  };
  const auto discovers = [&](std::uint8_t type, const std::array<std::uint8_t, 16>& source,
                             const std::array<std::uint8_t, 16>& target, const char* name) {
    return Forgery{name, ethernet(own, all_nodes, 0x86dd, ipv6(source, 58, neighbour_discovery(type, target, name)))};
  };
  const auto first = in6("2001:db8:3::");
  const auto last = in6("2001:db8:3:0:ffff:ffff:ffff:ffff");
  const auto one = in6("2001:db8:5::5");
  const auto after = in6("2001:db8:3:1::");
  const auto before = in6("2001:db8:2:ffff:ffff:ffff:ffff:ffff");
  for (const Forgery& fair : {says_it(own, first, "first-of-network"), says_it(own, last, "last-of-network"),
                              says_it(own, one, "single-address"), discovers(136, last, last, "advertises-its-own"),
                              discovers(136, local, one, "advertises-by-local"), discovers(135, {}, first, "probes"),
                              discovers(135, one, in6("2001:db8:77::1"), "solicits")}) {
    EXPECT_EQ(copies(3, 4, fair.frame, says(fair.name)), 1U) << fair.name;
  }
  for (const Forgery& forgery :
       {says_it(own, after, "after-network"), says_it(own, before, "before-network"),
        says_it(other, first, "other-mac"), says_it(own, in6("2001:db8:5::6"), "beside-single"),
        says_it(own, in6("2001:db8:9::1"), "of-other-port"), discovers(136, first, after, "advertises-after"),
        discovers(136, local, before, "advertises-before"), discovers(136, after, first, "advertises-from-after"),
        discovers(135, {}, after, "probes-after"), discovers(134, first, {}, "advertises-router"),
        discovers(137, first, {}, "redirects")}) {
    EXPECT_EQ(copies(3, 4, forgery.frame, says(forgery.name)), 0U) << forgery.name;
  }
  // As containers do it, neighbour discovery and duplicates included.
  c(3).must({"ip", "-6", "addr", "add", "2001:db8:3::3/64", "dev", "eth0"});
  c(4).must({"ip", "-6", "addr", "add", "2001:db8:3::4/64", "dev", "eth0"});
  EXPECT_TRUE(eventually([&] { return c(4).run({"ping", "-6", "-c1", "-W2", "2001:db8:3::3"}).ok(); }));
  EXPECT_TRUE(eventually([&] { return c(3).run({"ping", "-6", "-c1", "-W2", "2001:db8:3::4"}).ok(); }));
  // A larger network takes the place of one inside it, in one transaction.
  host.fanctl_must({"endpoint", "del", "--port", c(3).port()});
  EXPECT_TRUE(is_whole());
  RunOptions file;
  file.input = fmt::format(R"({{"port": "{}", "address": "{}", "mac": "{}", "secure": true, "allow": ["{}"]}})",
                           c(5).port(), address_of(5).str(), c(5).mac().str(), "2001:db8:8::/45");
  host.fanctl_must({"endpoint", "apply", "-"}, file);
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}), HasSubstr("secure allow 2001:db8:8::/45"));
  EXPECT_TRUE(is_whole());
}

using Broadcasts = Endpoints;

TEST_F(Broadcasts, AreCopiedOnlyFromWhoIsAllowed) {
  const auto call = [&](int n, const Mac& source) {
    return ethernet(source, everybody, 0x0800, ipv4({address_of(n), Address(0xffffffffU)}, udp(7, 7, text("to all"))));
  };
  const Outcome early = host.fanctl({"broadcast", "reset"});
  EXPECT_FALSE(early.ok());
  EXPECT_THAT(early.err, HasSubstr("without a registered endpoint"));
  for (int n = 2; n <= 5; ++n) {
    add(n);
  }
  EXPECT_EQ(copies(2, 4, call(2, c(2).mac()), says("to all")), 1U);
  host.fanctl_must({"broadcast", "reset"});
  EXPECT_EQ(copies(2, 4, call(2, c(2).mac()), says("to all")), 0U);
  {
    const Capture host_hears(host, bridge, says("to all"));
    send(2, call(2, c(2).mac()));
    EXPECT_TRUE(host_hears.reached(1)) << "the host alone gets it";
  }
  host.fanctl_must({"broadcast", "allow", address_of(3).str()});
  EXPECT_EQ(copies(3, 4, call(3, c(3).mac()), says("to all")), 1U);
  EXPECT_EQ(copies(2, 4, call(2, c(3).mac()), says("to all")), 0U) << "an allowed MAC behind another port";
  for (const int n : {2, 3, 4}) {
    EXPECT_TRUE(pings(c(n), address_of(5))) << "by the bridge's answers";
    EXPECT_TRUE(pings(c(n), at("250.0.27.1")));
  }
  EXPECT_TRUE(is_whole());
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  EXPECT_EQ(copies(2, 4, call(2, c(2).mac()), says("to all")), 0U) << "it survives up";
  EXPECT_THAT(host.fanctl_must({"broadcast", "list"}), HasSubstr(c(3).mac().str() + " on " + c(3).port()));
  host.fanctl_must({"broadcast", "disallow", c(3).port()});
  EXPECT_EQ(copies(3, 4, call(3, c(3).mac()), says("to all")), 0U);
  host.fanctl_must({"broadcast", "off"});
  EXPECT_EQ(copies(2, 4, call(2, c(2).mac()), says("to all")), 1U);
}

TEST_F(Broadcasts, AndWhoMayAreShownAndCounted) {
  for (int n = 2; n <= 5; ++n) {
    add(n, n == 4 ? std::vector<std::string>{"--secure"} : std::vector<std::string>{});
  }
  EXPECT_THAT(host.fanctl_must({"show", "-v"}), HasSubstr("endpoints 4 registered"));
  EXPECT_THAT(host.fanctl_must({"show", "-v"}), HasSubstr("secured   " + c(4).port()));
  EXPECT_THAT(host.fanctl_must({"show", "-v"}), Not(HasSubstr("broadcast ")));
  host.fanctl_must({"broadcast", "reset"});
  EXPECT_THAT(host.fanctl_must({"show", "-v"}), HasSubstr("broadcast copied only from nobody, to everybody"));
  host.fanctl_must({"broadcast", "allow", c(3).mac().str()});
  host.fanctl_must({"broadcast", "receive", c(5).port()});
  EXPECT_THAT(host.fanctl_must({"show", "-v"}), HasSubstr("broadcast copied only from " + c(3).mac().str() + " on " +
                                                          c(3).port() + ", only to " + c(5).port()));
  const std::string json = host.fanctl_must({"show", "--json"});
  EXPECT_THAT(json, HasSubstr("\"from\": \"allowed\""));
  EXPECT_THAT(json, HasSubstr("\"to\": \"receivers\""));
  EXPECT_THAT(host.fanctl_must({"broadcast", "list", address_of(3).str(), c(2).port()}),
              HasSubstr(address_of(3).str() + " " + c(3).mac().str() + " on " + c(3).port() +
                        ": copied to everybody, does not receive those of others"));
  const auto counted = [&](const std::string& reason) {
    std::istringstream text(host.fanctl_must({"show", "--stats", "-v"}));
    std::string word;
    std::uint64_t packets = 0;
    while (text >> word) {
      if (word == reason) {
        text >> packets;
        return packets;
      }
    }
    ADD_FAILURE() << reason << " is not there";
    return packets;
  };
  const std::array<const char*, 4> reasons{"bridge-answered", "bridge-passed", "bridge-kept", "bridge-spoofed"};
  std::array<std::uint64_t, 4> before{};
  std::transform(reasons.begin(), reasons.end(), before.begin(), counted);
  const auto call = [&](int n, const Mac& source) {
    return ethernet(source, everybody, 0x0800, ipv4({address_of(n), Address(0xffffffffU)}, udp(7, 7, text("to all"))));
  };
  send(2, asking(2, address_of(3)));
  send(3, call(3, c(3).mac()));
  send(2, call(2, c(2).mac()));
  send(4, call(2, c(4).mac()));
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_TRUE(eventually([&] { return counted(reasons[i]) >= before[i] + 1; })) << reasons[i];
  }
}

TEST_F(Broadcasts, ThatAreKeptLeaveDhcpDuplicatesAndIpv6AsTheyWere) {
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "--proxy-arp", "--dhcp"});
  for (int n = 2; n <= 5; ++n) {
    add(n);
  }
  host.fanctl_must({"broadcast", "reset"});
  Container late(static_cast<const Netns&>(host), bridge);
  const auto lease = late.dhcp();
  ASSERT_TRUE(lease) << "nobody has registered it yet";
  EXPECT_TRUE(pings(late, at("250.0.27.1")));
  host.fanctl_must(
      {"endpoint", "add", "--port", late.port(), "--address", lease->address.str(), "--mac", late.mac().str()});
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "--proxy-arp", "--dhcp"}); // it is a port now
  EXPECT_TRUE(pings(c(2), lease->address));
  EXPECT_TRUE(pings(late, address_of(3)));
  EXPECT_TRUE(is_whole());
  // Duplicate address detection, RFC 5227: a probe for an address that somebody has is answered, one for a free one is
  // not.
  const auto is_free = [&](Netns& prober, const std::string& address) {
    return prober.run({"busybox", "arping", "-D", "-q", "-c", "2", "-w", "3", "-I", "eth0", address}).status == 0;
  };
  EXPECT_FALSE(is_free(c(4), address_of(3).str())) << "another endpoint's";
  EXPECT_FALSE(is_free(c(4), "250.0.27.1")) << "the gateway's";
  EXPECT_TRUE(is_free(c(4), "250.0.27.200"));
  EXPECT_TRUE(is_free(c(4), address_of(4).str())) << "its own";
  const std::string link_local = [&] {
    std::string words = c(3).must({"ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link"});
    const std::size_t begin = words.find("inet6 ") + 6;
    return words.substr(begin, words.find('/', begin) - begin);
  }();
  EXPECT_TRUE(eventually([&] { return c(2).run({"ping", "-6", "-c1", "-W2", link_local + "%eth0"}).ok(); }));
  c(3).must({"ip", "-6", "addr", "add", "fd00:27::3/64", "dev", "eth0"});
  c(2).must({"ip", "-6", "addr", "add", "fd00:27::2/64", "dev", "eth0"});
  EXPECT_TRUE(eventually([&] { return c(2).run({"ping", "-6", "-c1", "-W2", "fd00:27::3"}).ok(); }));
  c(4).set_sysctl("net/ipv6/conf/eth0/accept_dad", "1");
  c(4).must({"ip", "-6", "addr", "add", "fd00:27::3/64", "dev", "eth0"});
  EXPECT_TRUE(eventually([&] {
    return c(4).must({"ip", "-6", "addr", "show", "dev", "eth0"}).find("dadfailed") != std::string::npos;
  })) << "the same address twice";
}

// A socket that nobody listens at any more, as Docker leaves it when it is killed.
TEST_F(Broadcasts, OfAContainerWhoseDockerIsDownAreOthersBusiness) {
  const std::string folder = testing::TempDir() + fmt::format("fanctl-run-{}", getpid());
  std::filesystem::create_directories(folder + "/fanctl");
  const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/docker.sock";
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(left);
  add(3);
  host.fanctl_must({"broadcast", "reset", "--force"});
  RunOptions options;
  options.binds = {{folder, "/run"}};
  const Outcome down = host.fanctl({"broadcast", "allow", "web"}, options);
  EXPECT_FALSE(down.ok());
  EXPECT_THAT(down.err, HasSubstr("docker is not running: connect to /run/docker.sock: Connection refused"));
  EXPECT_THAT(down.err, HasSubstr("name the port, MAC address or address instead"));
  EXPECT_TRUE(host.fanctl({"broadcast", "allow", address_of(3).str()}, options).ok());
  std::filesystem::remove_all(folder);
}

TEST_F(Broadcasts, AreReceivedOnlyByWhoIsNamed) {
  const Bytes call =
      ethernet(c(2).mac(), everybody, 0x0800, ipv4({address_of(2), Address(0xffffffffU)}, udp(7, 7, text("to all"))));
  add(5);
  host.fanctl_must({"broadcast", "receive", c(4).port()});
  EXPECT_EQ(copies(2, 4, call, says("to all")), 1U);
  EXPECT_EQ(copies(2, 3, call, says("to all")), 0U);
  EXPECT_TRUE(is_whole());
  EXPECT_EQ(host.fanctl_must({"broadcast", "receive", c(4).port(), "--dry-run"}), "");
  host.fanctl_must({"broadcast", "receive", "all"});
  EXPECT_EQ(copies(2, 3, call, says("to all")), 1U);
}

} // namespace
} // namespace fan::test
