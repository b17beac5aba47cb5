// Drift: every kind of object that a fan is made of is deleted and altered by hand. `show` names exactly what differs,
// with what it expected and what it found; `up` writes exactly that; a second `up` writes nothing; and another fan of
// the host loses no packet meanwhile.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fan_pair.h"
#include "support/udp_stream.h"
#include "writes.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;
using Keys = std::set<std::string>;

const std::string bridge = "fan-250-0-27";

// The other fan has a tunnel device of its own, so that what is done to the first one's is nothing to it.
class Drift : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (IsSkipped()) {
      return;
    }
    for (const Host* host : {&a, &b}) {
      host->fanctl_must(line());
      host->fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", "vxlan", "port", "8473"});
    }
    other_a.emplace(a, "fan-241-0-27");
    other_a->address("241.0.27.2/24", *Address::parse("241.0.27.1"));
    other_b.emplace(b, "fan-241-0-28");
    other_b->address("241.0.28.2/24", *Address::parse("241.0.28.1"));
    EXPECT_TRUE(pings(*other_a, other_address, {}, 1));
    EXPECT_EQ(drift(), Keys{});
  }

  [[nodiscard]] static std::string tunnel() { return type() == "ipip" ? "fanip" : "fanvx8472"; }
  [[nodiscard]] std::vector<std::string> line() const {
    return with({"up", "250.0.0.0/8", "eth0/16", "type", type(), "dhcp"}, more_);
  }
  static std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  // The first fan, as `show` has it.
  [[nodiscard]] Json shown() const {
    const Json document = Json::parse(a.fanctl({"show", "--json"}).out);
    for (const Json& fan : document["fans"]) {
      if (fan["bridge"] == bridge) {
        return fan;
      }
    }
    return {};
  }
  static Keys keys_in(const Json& list) {
    Keys keys;
    for (const Json& one : list) {
      keys.insert(one["key"].get<std::string>());
    }
    return keys;
  }
  [[nodiscard]] Keys drift() const {
    const Json fan = shown();
    return fan.is_null() ? Keys{"no such fan"} : keys_in(fan["drift"]);
  }
  // What `up` says that it did, or with more words would do.
  [[nodiscard]] Keys changed(const std::vector<std::string>& words) const {
    const Outcome done = a.fanctl(with(line(), with({"--json"}, words)));
    EXPECT_EQ(done.status, 0) << done.out << done.err;
    return keys_in(Json::parse(done.out)["changes"]);
  }

  // `hand` is done. It shows as `keys`, of which those that were not deleted are found otherwise; then `up`.
  void expect_repaired(const std::string& what, const std::function<void()>& hand, const Keys& keys) {
    SCOPED_TRACE(what);
    UdpStream other(*other_a, *other_b, other_address, {.per_second = 200});
    EXPECT_TRUE(other.reached(10));
    hand();
    const Json fan = shown();
    ASSERT_FALSE(fan.is_null());
    EXPECT_EQ(fan["state"], "degraded");
    EXPECT_EQ(keys_in(fan["drift"]), keys);
    for (const Json& one : fan["drift"]) {
      EXPECT_FALSE(one["expected"].is_null() && one["found"].is_null()) << one;
      EXPECT_NE(one["expected"], one["found"]) << one;
    }
    EXPECT_EQ(a.fanctl({"show", "--check"}).status, 8);
    EXPECT_EQ(changed({"--dry-run"}), keys);
    EXPECT_EQ(changed({}), keys);
    EXPECT_EQ(drift(), Keys{});
    const std::vector<std::string> again = writes_of(a, line());
    EXPECT_TRUE(again.empty()) << joined(again);
    EXPECT_TRUE(other.reached(20));
    EXPECT_EQ(other.stop().lost, 0U) << "another fan's";
  }
  void expect_repaired(const std::string& commands, const Keys& keys) {
    expect_repaired(
        commands,
        [&] {
          a.must({"sh", "-ec", commands});
        },
        keys);
  }

  void kill_server() const {
    for (const pid_t pid : a.processes()) {
      std::ifstream file(fmt::format("/proc/{}/comm", pid));
      std::string name;
      if (std::getline(file, name) && name == "dnsmasq") {
        kill(pid, SIGKILL);
        EXPECT_TRUE(eventually([&] { return kill(pid, 0) != 0; }));
      }
    }
  }

  std::vector<std::string> more_; // words of the first fan
  Underlay underlay{NoForgers()};
  Host& a = underlay.host("172.30.0.27/16");
  Host& b = underlay.host("172.30.0.28/16");
  std::optional<Container> other_a;
  std::optional<Container> other_b;
  const Address other_address = *Address::parse("241.0.28.2");
};
FAN_OVER_EACH(Drift);

std::string forwarding(const std::string& device) {
  return "sysctl net/ipv4/conf/" + device + "/forwarding";
}

Keys operator+(Keys all, const Keys& more) {
  all.insert(more.begin(), more.end());
  return all;
}

TEST_P(Drift, OfTheTunnelDeviceAndWhatHangsOnIt) {
  const std::string t = tunnel();
  const bool vxlan = type() == "vxlan";
  const bool ipv6 = !a.sysctl("net/ipv6/conf/" + t + "/disable_ipv6").empty();
  const Keys device{"tunnel " + t};
  const Keys neighbour = vxlan ? Keys{"neighbour " + t + " 192.0.0.8"} : Keys{};
  const Keys downed = Keys{"up " + t, "route 250.0.0.0/8"} + neighbour;
  const Keys ipv6_off = ipv6 ? Keys{"sysctl net/ipv6/conf/" + t + "/disable_ipv6"} : Keys{};
  const Keys filters{"classifier " + t + " ingress", "classifier " + t + " egress"};
  expect_repaired("ip link set " + t + " mtu 1300", device);
  expect_repaired("tc qdisc add dev " + t + " root pfifo", device);
  if (vxlan) { // ipip has no frames
    a.ip({"link add brx type bridge"});
    expect_repaired("ip link set " + t + " master brx", device);
    a.ip({"link del brx"});
  }
  expect_repaired("ip link set " + t + " down", downed);
  expect_repaired("tc filter del dev " + t + " ingress", {"classifier " + t + " ingress"});
  expect_repaired("tc filter del dev " + t + " egress", {"classifier " + t + " egress"});
  expect_repaired("tc qdisc del dev " + t + " clsact", filters);
  expect_repaired("sysctl -qw net/ipv4/conf/" + t + "/forwarding=0", {forwarding(t)});
  if (ipv6) {
    expect_repaired("sysctl -qw net/ipv6/conf/" + t + "/disable_ipv6=0", ipv6_off);
  }
  if (vxlan) {
    // A MAC address that bears our sign may be another host's; the kernel forgets the neighbours.
    expect_repaired("ip link set " + t + " address 02:fa:00:00:00:99", neighbour + device);
    expect_repaired("ip neigh flush nud all dev " + t, neighbour);
    expect_repaired("ip neigh replace 192.0.0.8 lladdr 02:00:00:00:00:01 nud permanent dev " + t, neighbour);
  }
  expect_repaired("ip link del " + t, device + downed + filters + ipv6_off + Keys{forwarding(t)});
}

TEST_P(Drift, OfAFilterBeforeOurs) {
  const std::string t = tunnel();
  const std::string in = "classifier " + t + " ingress";
  expect_repaired("a filter before ours",
                  [&] {
                    a.must({"tc", "filter", "add", "dev", t, "ingress", "pref", "1", "protocol", "all", "bpf",
                            "bytecode", "1,6 0 0 4294967295", "classid", "1:1"});
                    EXPECT_THAT(shown()["drift"].dump(), HasSubstr("behind another filter"));
                  },
                  {in});
  EXPECT_THAT(a.must({"tc", "filter", "show", "dev", t, "ingress"}), HasSubstr("bytecode")) << "theirs is kept";
  const std::string found = shown().dump();
  EXPECT_EQ(found.find("behind another filter"), std::string::npos);
  a.must({"sh", "-ec", "tc filter del dev " + t + " ingress"});
  EXPECT_EQ(changed({}), Keys{in});
}

TEST_P(Drift, OfAFilterBeforeOursOnTheWayOut) {
  more_ = {"shortcut"};
  a.fanctl_must(line());
  struct Place {
    std::string device;
    std::string direction;
  };
  for (const Place& place : std::vector<Place>{{tunnel(), "egress"}, {bridge, "egress"}, {bridge, "ingress"}}) {
    const std::string key = "classifier " + place.device + " " + place.direction;
    expect_repaired(key + " behind another's",
                    [&] {
                      a.must({"tc", "filter", "add", "dev", place.device, place.direction, "pref", "1", "protocol",
                              "all", "bpf", "bytecode", "1,6 0 0 4294967295", "classid", "1:1"});
                      EXPECT_THAT(shown()["drift"].dump(), HasSubstr("behind another filter"));
                    },
                    {key});
    EXPECT_THAT(a.must({"tc", "filter", "show", "dev", place.device, place.direction}), HasSubstr("bytecode"))
        << "theirs is kept";
  }
}

TEST_P(Drift, OfTheRoute) {
  const std::string t = tunnel();
  const Keys route{"route 250.0.0.0/8"};
  expect_repaired("ip route del 250.0.0.0/8", route);
  const std::string same = "ip route change 250.0.0.0/8 via 192.0.0.8 dev " + t + " onlink proto 250 ";
  const unsigned mtu = 1500 - overhead_of(GetParam());
  expect_repaired(same + "src 250.0.27.1 mtu 1200", route);
  expect_repaired(same + fmt::format("src 172.30.0.27 mtu {}", mtu), route);
}

// The kernel replaces the first route to a destination, whoever made it.
TEST_P(Drift, OfTheRouteBehindAnothers) {
  a.ip({"route prepend 250.0.0.0/8 via 172.30.0.1 dev eth0"});
  const Outcome refused = a.fanctl(with(line(), {"--mtu", "1300"}));
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.err, HasSubstr("another's route stands before fanctl's"));
  EXPECT_EQ(a.fanctl(line()).status, 3);
  EXPECT_EQ(drift(), Keys{"route 250.0.0.0/8"});
  EXPECT_THAT(shown()["drift"].dump(), HasSubstr("behind another's"));
  EXPECT_THAT(a.must({"ip", "route", "show", "exact", "250.0.0.0/8"}), HasSubstr("via 172.30.0.1 dev eth0"));
  a.ip({"route del 250.0.0.0/8 via 172.30.0.1 dev eth0"});
  EXPECT_EQ(drift(), Keys{});
  a.ip({"route append 250.0.0.0/8 via 172.30.0.1 dev eth0"});
  a.ip({"route change 250.0.0.0/8 via 192.0.0.8 dev " + tunnel() + " onlink proto 250 src 250.0.27.1 mtu 1200"});
  EXPECT_EQ(drift(), Keys{"route 250.0.0.0/8"});
}

// A route with our protocol number is ours, whatever its metric, and one is enough.
TEST_P(Drift, OfASecondRouteOfOurs) {
  const Keys route{"route 250.0.0.0/8"};
  const std::string second = "ip route add 250.0.0.0/8 dev eth0 proto 250 metric 100";
  expect_repaired(second, route);
  expect_repaired(second + "; ip route del 250.0.0.0/8 dev " + tunnel(), route);
  expect_repaired("ip route append 250.0.0.0/8 via 172.30.0.1 dev eth0 proto 250", route);
  expect_repaired("ip route prepend 250.0.0.0/8 via 172.30.0.1 dev eth0 proto 250", route);
  expect_repaired(second + "; ip route add blackhole 250.0.0.0/8 proto 250 metric 7", route);
  a.must({"sh", "-ec", second});
  const std::string script = a.fanctl_must(with(line(), {"--dry-run"}));
  EXPECT_THAT(script, HasSubstr("ip route flush exact 250.0.0.0/8 proto 250"));
  a.must({"sh", "-ec", script});
  EXPECT_EQ(drift(), Keys{});
  a.must({"sh", "-ec", second});
  a.fanctl_must({"down", "250.0.0.0/8"});
  EXPECT_EQ(a.must({"ip", "route", "show", "exact", "250.0.0.0/8"}), "");
}

TEST_P(Drift, OfTheBridgeAndWhatHangsOnIt) {
  const Keys device{"bridge " + bridge};
  const Keys dhcp{"dhcp " + bridge};
  const bool ipv6 = !a.sysctl("net/ipv6/conf/" + bridge + "/accept_ra").empty();
  const Keys advertisements = ipv6 ? Keys{"sysctl net/ipv6/conf/" + bridge + "/accept_ra"} : Keys{};
  const Keys gateway{"address " + bridge + " 250.0.27.1/24"};
  const Keys guard{"classifier " + bridge + " egress"};
  expect_repaired("ip link set " + bridge + " mtu 1300", device);
  expect_repaired("ip link set " + bridge + " alias ''", device);
  expect_repaired("ip link set " + bridge + " alias mine", device);
  expect_repaired("ip link set " + bridge + " address 02:fa:00:00:00:99", device);
  expect_repaired("ip link set " + bridge + " down", {"up " + bridge});
  expect_repaired("ip link set " + bridge + " down; ip link set " + bridge + " up; ip link set " + bridge + " down",
                  {"up " + bridge});
  expect_repaired("tc qdisc del dev " + bridge + " clsact", guard);
  expect_repaired("sysctl -qw net/ipv4/conf/" + bridge + "/forwarding=0", {forwarding(bridge)});
  expect_repaired("sysctl -qw net/ipv4/conf/eth0/forwarding=0", {forwarding("eth0")});
  if (ipv6) {
    expect_repaired("sysctl -qw net/ipv6/conf/" + bridge + "/accept_ra=2", advertisements);
  }
  expect_repaired(
      "the server of addresses is killed", [&] { kill_server(); }, dhcp);
}

// All that hangs on it, and the route, whose source was its address. The server of addresses stays and waits for it.
TEST_P(Drift, OfTheWholeBridge) {
  const Keys ipv6 = a.sysctl("net/ipv6/conf/" + bridge + "/accept_ra").empty()
                        ? Keys{}
                        : Keys{"sysctl net/ipv6/conf/" + bridge + "/accept_ra"};
  const Keys all = Keys{"bridge " + bridge, "classifier " + bridge + " egress",     forwarding(bridge),
                        "up " + bridge,     "address " + bridge + " 250.0.27.1/24", "route 250.0.0.0/8"} +
                   ipv6;
  expect_repaired("ip link del " + bridge, all);
  more_ = {"shortcut", "snooping"};
  a.fanctl_must(line());
  expect_repaired("ip link del " + bridge,
                  all + Keys{"classifier " + bridge + " ingress", "querier " + bridge, "shortcut 250.0.27.0/24"});
}

// What dies with the gateway's address: the routes that name it as their source.
TEST_P(Drift, OfTheGateway) {
  expect_repaired("ip addr del 250.0.27.1/24 dev " + bridge,
                  {"address " + bridge + " 250.0.27.1/24", "route 250.0.0.0/8"});
  expect_repaired("ip route del 250.0.27.0/24 dev " + bridge, {"address " + bridge + " 250.0.27.1/24"});
  EXPECT_THAT(a.must({"ip", "route", "show", "250.0.27.0/24"}),
              HasSubstr("dev " + bridge + " proto kernel scope link src 250.0.27.1"));
  a.ip({"route replace 250.0.27.0/24 dev " + bridge + " mtu 1200"});
  EXPECT_EQ(drift(), Keys{}) << "somebody's own route to it is as good";
}

TEST_P(Drift, OfTheFirewall) {
  const std::string nft = "nft ";
  const auto element = [](const char* text) { return Keys{std::string("set ") + text}; };
  expect_repaired(nft + "flush chain inet fanctl forward", {"ruleset"});
  expect_repaired(nft + "insert rule inet fanctl input accept", {"ruleset"});
  expect_repaired(nft + "'flush chain inet fanctl prerouting; add rule inet fanctl prerouting accept'", {"ruleset"});
  expect_repaired(nft + "'chain inet fanctl forward { policy drop ; }'", {"ruleset"});
  expect_repaired(nft + "delete element inet fanctl slices '{ 250.0.27.0/24 }'", element("slices 250.0.27.0/24"));
  expect_repaired(nft + "add element inet fanctl exposed '{ 250.0.27.9 }'", element("exposed 250.0.27.9"));
  expect_repaired(nft + "'delete element inet fanctl gateways { 250.0.0.0/8 }; add element inet fanctl gateways { "
                        "250.0.0.0/8 : 250.0.27.9 }'",
                  element("gateways 250.0.0.0/8"));
}

TEST_P(Drift, OfEverythingInNftables) {
  for (const char* commands : {"nft flush ruleset", "nft delete table inet fanctl"}) {
    SCOPED_TRACE(commands);
    UdpStream other(*other_a, *other_b, other_address, {.per_second = 200});
    EXPECT_TRUE(other.reached(10));
    const Keys before = keys_in(Json::parse(a.fanctl(with(line(), {"--json"})).out)["changes"]);
    EXPECT_EQ(before, Keys{});
    a.must({"sh", "-ec", commands});
    const Keys gone = drift();
    EXPECT_EQ(gone.count("ruleset"), 1U);
    EXPECT_EQ(gone.count("set slices 250.0.27.0/24"), 1U);
    for (const std::string& key : gone) {
      EXPECT_TRUE(key == "ruleset" || key.starts_with("set ")) << key;
    }
    const Keys put = changed({});
    for (const std::string& key : gone) {
      EXPECT_EQ(put.count(key), 1U) << key;
    }
    for (const std::string& key : put) { // the table is everybody's: the other fan's elements come with it
      EXPECT_TRUE(key == "ruleset" || key.starts_with("set ")) << key;
    }
    EXPECT_EQ(a.fanctl({"show", "--check"}).status, 0);
    const std::vector<std::string> again = writes_of(a, line());
    EXPECT_TRUE(again.empty()) << joined(again);
    EXPECT_TRUE(other.reached(20));
    EXPECT_EQ(other.stop().lost, 0U);
  }
}

// A map of the programs, as somebody with bpftool has it.
class RowByHand {
public:
  // The row of `name` whose key has `text` in it, of the maps of the filter of `device`.
  RowByHand(const Host& host, const std::string& device, const std::string& name, const std::string& text) {
    const Json filters = Json::parse(host.must({"tc", "-j", "filter", "show", "dev", device, "egress"}));
    std::uint32_t program = 0;
    for (const Json& filter : filters) {
      if (filter.contains("options") && filter["options"].contains("prog")) {
        program = filter["options"]["prog"]["id"];
      }
    }
    const Json maps = Json::parse(must({"bpftool", "-j", "prog", "show", "id", std::to_string(program)}))["map_ids"];
    for (const Json& id : maps) {
      const std::uint32_t number = id;
      bpf_map_info info{};
      std::uint32_t length = sizeof info;
      const int fd = bpf_map_get_fd_by_id(number);
      if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && name == info.name) {
        map_ = fd;
        key_.resize(info.key_size);
        value_.resize(info.value_size);
        break;
      }
      close(fd);
    }
    EXPECT_GE(map_, 0) << name;
    find(text);
  }
  ~RowByHand() { close(map_); }
  RowByHand(const RowByHand&) = delete;
  RowByHand& operator=(const RowByHand&) = delete;

  void remove() { EXPECT_EQ(bpf_map_delete_elem(map_, key_.data()), 0); }
  void set(std::size_t at, char value) {
    value_.at(at) = value;
    EXPECT_EQ(bpf_map_update_elem(map_, key_.data(), value_.data(), BPF_ANY), 0);
  }

private:
  void find(const std::string& text) {
    for (const char* last = nullptr; bpf_map_get_next_key(map_, last, key_.data()) == 0; last = key_.data()) {
      if (key_.find(text) != std::string::npos) {
        EXPECT_EQ(bpf_map_lookup_elem(map_, key_.data(), value_.data()), 0);
        return;
      }
    }
    ADD_FAILURE() << "no such row";
  }

  int map_ = -1;
  std::string key_;
  std::string value_;
};

std::string network(std::uint32_t address) {
  const std::uint32_t big = htonl(address);
  return {reinterpret_cast<const char*>(&big), sizeof big};
}

TEST_P(Drift, OfTheProgramsRows) {
  struct Row {
    const char* map;
    std::string in_key;
    std::size_t byte; // of the value, that is altered
    std::string key;
    Keys follows; // what is derived from the row, and put right with a program: the row of this host's own address
  };
  // The offsets are those of fan_abi.h, which are frozen.
  const std::vector<Row> rows{
      {"fan_mappings_v1", network(0xfa000000U), 32, "mapping 250.0.0.0/8"}, // vni
      {"fan_slices_v1",
       network(0xfa001b00U),
       78,
       "slice 250.0.27.0/24",
       {"classifier " + tunnel() + " ingress"}},                         // least_ttl
      {"fan_records", bridge, 20, "record " + bridge},                   // text
      {"fan_never_v1", network(0xac1effffU), 0, "never 172.30.255.255"}, // the reason
  };
  for (const Row& row : rows) {
    if (std::string_view(row.map) != "fan_never_v1") { // a row with another reason is another kind of row
      expect_repaired(std::string(row.map) + " altered",
                      [&] { RowByHand(a, tunnel(), row.map, row.in_key).set(row.byte, 0x5a); }, {row.key});
    }
    expect_repaired(
        std::string(row.map) + " deleted", [&] { RowByHand(a, tunnel(), row.map, row.in_key).remove(); },
        Keys{row.key} + row.follows);
  }
}

TEST_P(Drift, OfTheRowsOfAShortcut) {
  more_ = {"shortcut"};
  a.fanctl_must(line());
  const Keys shortcut{"shortcut 250.0.27.0/24"};
  const auto row = [&](const char* map, const std::string& in_key) { return RowByHand(a, tunnel(), map, in_key); };
  const std::string slice = network(0xfa001b00U);
  expect_repaired(
      "another device", [&] { row("fan_bridges_v1", slice).set(0, 0x5a); }, shortcut);
  expect_repaired(
      "no device", [&] { row("fan_bridges_v1", slice).set(0, 0); }, shortcut);
  expect_repaired(
      "deleted", [&] { row("fan_bridges_v1", slice).remove(); }, shortcut);
  expect_repaired("tc filter del dev " + bridge + " ingress", {"classifier " + bridge + " ingress"});
  expect_repaired("tc qdisc del dev " + bridge + " clsact",
                  {"classifier " + bridge + " ingress", "classifier " + bridge + " egress"});
}

// What follows from where the programs are and from the rows of the fans is put right with a program.
TEST_P(Drift, OfTheRowsThatFollowFromOthers) {
  const auto row = [&](const char* map, const std::string& in_key) { return RowByHand(a, tunnel(), map, in_key); };
  const auto number = [&](const std::string& device) {
    const Inside here(a);
    const std::uint32_t ifindex = if_nametoindex(device.c_str());
    return std::string(reinterpret_cast<const char*>(&ifindex), sizeof ifindex);
  };
  const Keys in{"classifier " + tunnel() + " ingress"};
  const Keys guard{"classifier " + bridge + " egress"};
  expect_repaired(
      "a VNI", [&] { row("fan_known_v1", network(0xac1e0000U)).remove(); }, in);
  expect_repaired(
      "the bridge is not known", [&] { row("fan_devices_v1", number(bridge)).remove(); }, guard);
  expect_repaired(
      "the bridge is a tunnel", [&] { row("fan_devices_v1", number(bridge)).set(0, 1); }, guard);
  expect_repaired(
      "the tunnel is a bridge", [&] { row("fan_devices_v1", number(tunnel())).set(0, 2); }, in);
}

// A device that lost its signs may be anybody's: it is named, and not touched.
TEST_P(Drift, OfADevicesSignsIsNamedAndTheDeviceIsLeftAlone) {
  for (const std::string& device : {bridge, tunnel()}) {
    for (const std::string& loss : {std::string("group default"), std::string("address 0e:00:00:00:00:99")}) {
      if (device == "fanip" && loss.starts_with("address")) {
        continue; // it has none
      }
      SCOPED_TRACE(device + " " + loss);
      const std::string mac = link_field(a, device, device == "fanip" ? "link/ipip" : "link/ether");
      a.must({"sh", "-ec", "ip link set " + device + " " + loss});
      const Json fan = shown();
      EXPECT_EQ(fan["state"], "degraded");
      EXPECT_THAT(fan["drift"].dump(), HasSubstr(device + " is there already and is not fanctl's"));
      const Outcome up = a.fanctl(line());
      EXPECT_EQ(up.status, 3);
      EXPECT_TRUE(pings(*other_a, other_address, {}, 1));
      const std::string back =
          "ip link set dev " + device + (device == "fanip" ? "" : " address " + mac) + " group 64023";
      EXPECT_THAT(up.err, HasSubstr(back));
      a.must({"sh", "-ec", back});
      (void)changed({}); // the kernel has forgotten the neighbours of a device with another MAC address
      EXPECT_EQ(changed({}), Keys{});
      EXPECT_EQ(drift(), Keys{});
    }
  }
}

// Nor does it keep other fans of the host from going: that one is left as it is.
TEST_P(Drift, OfADevicesSignsKeepsNoOtherFanUp) {
  for (const std::string& device : {bridge, tunnel()}) {
    SCOPED_TRACE(device);
    a.must({"ip", "link", "set", device, "group", "default"});
    const auto all_of_it = [&] {
      return a.must({"ip", "-j", "link", "show", "dev", device}) + a.must({"ip", "-j", "addr", "show", "dev", bridge}) +
             a.must({"ip", "route", "show", "250.0.0.0/8"});
    };
    const std::string before = all_of_it();
    const Outcome down = a.fanctl({"down", "241.0.0.0/8", "eth0/16", "--force"});
    EXPECT_EQ(down.status, 0) << down.err;
    EXPECT_EQ(all_of_it(), before);
    EXPECT_EQ(a.must({"ip", "route", "show", "241.0.0.0/8"}), "");
    EXPECT_EQ(shown()["state"], "degraded");
    a.must({"ip", "link", "set", device, "group", "64023"});
    EXPECT_EQ(drift(), Keys{});
    a.fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", "vxlan", "port", "8473"});
  }
}

// A program by way of tcx (since 6.6) runs before every filter of tc, ours among them; it is not ours to take away.
TEST_P(Drift, OfATcxProgramBeforeOursIsSeenAndLeftToWhoeverPutItThere) {
  constexpr std::uint32_t tcx_ingress = 46; // enum bpf_attach_type of 6.6
  const Inside here(a);
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  const int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", pass, 2, nullptr);
  ASSERT_GE(program, 0);
  bpf_attr attr{};
  attr.target_fd = if_nametoindex(tunnel().c_str());
  attr.attach_bpf_fd = static_cast<std::uint32_t>(program);
  attr.attach_type = tcx_ingress;
  if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) != 0) {
    close(program);
    GTEST_SKIP() << "no-tcx: this kernel has no tcx";
  }
  const std::string key = "classifier " + tunnel() + " ingress";
  EXPECT_EQ(drift(), Keys{key});
  EXPECT_THAT(shown()["drift"][0]["found"].get<std::string>(), HasSubstr("behind another"));
  const Outcome up = a.fanctl(line());
  EXPECT_EQ(up.status, 3);
  EXPECT_THAT(up.err, HasSubstr("tcx at ingress of " + tunnel()));
  EXPECT_EQ(drift(), Keys{key});
  EXPECT_EQ(syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof attr), 0);
  close(program);
  EXPECT_EQ(drift(), Keys{});
}

} // namespace
} // namespace fan::test
