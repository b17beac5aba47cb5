// What --dry-run prints, run by sh, leads to the same as the command itself: objects, programs' rows and processes.
#include <functional>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "config_folder.h"
#include "fan_pair.h"
#include "support/snapshot.h"

namespace fan::test {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

const std::string bridge = "fan-250-0-27";

class DryRun : public OverEach {
protected:
  struct Case {
    std::string what;
    std::vector<Words> before; // fanctl
    std::vector<std::string> by_hand;
    Words command;
  };

  [[nodiscard]] static Words up(const std::string& overlay, const Words& more = {}) {
    Words words{"up", overlay, "eth0/16", "type", type()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  [[nodiscard]] Words add(unsigned n, const Words& more = {}) const {
    Words words{"endpoint", "add", "--port", fmt::format("c{}", n)};
    words.insert(words.end(),
                 {"--address", fmt::format("250.0.27.{}", n), "--mac", fmt::format("02:00:00:00:01:0{}", n)});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  // As it was before the first case; the ports are there from the beginning.
  void prepare(const Case& one) const {
    host.must({"sh", "-c", "ip link set c2 nomaster; ip link set c3 nomaster"});
    host.fanctl_must({"down", "-e"});
    host.must({"sh", "-c",
               "ip addr flush dev eth0; ip addr add 172.30.0.27/16 dev eth0; "
               "ip route replace default via 172.30.255.254"});
    for (const Words& words : one.before) {
      if (words.front() == "endpoint" || words.front() == "broadcast") {
        host.ip({"link set c2 master " + bridge, "link set c3 master " + bridge});
      }
      host.fanctl_must(words);
    }
    for (const std::string& line : one.by_hand) {
      host.must({"sh", "-ec", line});
    }
  }

  [[nodiscard]] std::string name_of_device(const Json& bytes) const {
    std::uint32_t ifindex = 0;
    for (std::size_t n = 0; n < 4; ++n) {
      ifindex |= static_cast<std::uint32_t>(std::stoul(bytes[n].get<std::string>(), nullptr, 16)) << (8 * n);
    }
    for (const Json& link : Json::parse(host.must({"ip", "-j", "link"}))) {
      if (link["ifindex"] == ifindex) {
        return link["ifname"];
      }
    }
    return "no device";
  }
  // Every row of the programs' maps, but of those that only count.
  void add_rows(Snapshot& state) const {
    std::set<std::uint32_t> maps;
    for (const Json& link : Json::parse(host.must({"ip", "-j", "link"}))) {
      for (const char* way : {"ingress", "egress"}) {
        const Outcome filters = host.run({"tc", "-j", "filter", "show", "dev", link["ifname"], way});
        for (const Json& filter : Json::parse(filters.out.empty() ? "[]" : filters.out)) {
          if (filter.contains("options") && filter["options"].contains("prog")) {
            const std::string id = std::to_string(filter["options"]["prog"]["id"].get<int>());
            const Json program = Json::parse(must({"bpftool", "-j", "prog", "show", "id", id}));
            maps.insert(program["map_ids"].begin(), program["map_ids"].end());
          }
        }
      }
    }
    std::set<std::string> names;
    for (const std::uint32_t map : maps) {
      const std::string id = std::to_string(map);
      const std::string name = Json::parse(must({"bpftool", "-j", "map", "show", "id", id}))["name"];
      EXPECT_TRUE(names.insert(name).second) << "two maps of a kind: " << name;
      if (name == "fan_counters_v1" || name == "fan_refused_v1" || name == "fan_answers_v1") {
        continue;
      }
      for (const Json& row : Json::parse(must({"bpftool", "-j", "map", "dump", "id", id}))) {
        const std::string key = name == "fan_devices_v1" ? name_of_device(row["key"]) : row["key"].dump();
        const std::string value = name == "fan_bridges_v1" ? name_of_device(row["value"]) : row["value"].dump();
        state.lines.push_back(fmt::format("row of {}: {} = {}", name, key, value));
      }
    }
  }
  // nft lists elements with several parts in the order in which they came, and puts what opens and closes the list
  // beside the first and the last.
  static void forget_order(std::string& line) {
    constexpr std::string_view opening = "elements = { ";
    if (!line.starts_with("nft: ") || line.find(" . ") == std::string::npos) {
      return;
    }
    if (const std::size_t at = line.find(opening); at != std::string::npos) {
      line.erase(at, opening.size());
    }
    line.erase(line.find_last_not_of(" ,}") + 1);
    line.erase(std::string_view("nft: ").size(), line.find_first_not_of(" \t", 5) - 5);
  }
  [[nodiscard]] Snapshot state() const {
    Snapshot whole = snapshot(host);
    std::erase_if(whole.lines, [](const std::string& line) { // what a bridge has learned
      return line.starts_with("fdb: ") && line.find(" permanent") == std::string::npos &&
             line.find(" static") == std::string::npos;
    });
    for (std::string& line : whole.lines) { // how tc calls a program that was pinned when it was put there
      if (const std::size_t at = line.find(":[*fsobj]"); at != std::string::npos) {
        line.erase(at, sizeof ":[*fsobj]" - 1);
      }
      forget_order(line);
    }
    add_rows(whole);
    return whole;
  }
  // A BPF file system of its own, so that runs side by side do not meet at one pin.
  void run(const std::string& lines) const {
    host.must({"unshare", "-m", "sh", "-ec", "mount -t bpf bpf /sys/fs/bpf\n" + lines});
  }

  void expect_the_same(const Case& one) const {
    SCOPED_TRACE(one.what);
    prepare(one);
    host.fanctl_must(one.command);
    const Snapshot commanded = state();
    prepare(one);
    Words dry = one.command;
    dry.emplace_back("--dry-run");
    const std::string lines = host.fanctl_must(dry);
    EXPECT_NE(lines, "");
    run(lines);
    EXPECT_EQ(difference(commanded, state()), "");
  }

  void SetUp() override {
    OverEach::SetUp();
    if (!IsSkipped()) {
      host.ip({"link add c2 type veth peer name d2", "link add c3 type veth peer name d3", "link set c2 up",
               "link set c3 up", "link set d2 up", "link set d3 up"});
    }
  }

  Underlay underlay{NoForgers()};
  Host& host = underlay.host("172.30.0.27/16");
};
FAN_OVER_EACH(DryRun);

TEST_P(DryRun, LeadsToTheSameAsTheCommand) {
  const Words rich{"dhcp", "shortcut", "snooping", "host-access", "dhcp", "expose", "all"};
  const Words other = up("241.0.0.0/8");
  const std::vector<Words> two{up("250.0.0.0/8", rich), other};
  const std::vector<Words> with_endpoints{
      up("250.0.0.0/8", rich), other, add(2, {"--secure"}), add(3), {"broadcast", "reset", "--fan", bridge}};
  const std::string tunnel = type() == "ipip" ? "fanip" : "fanvx8472";
  for (const Case& one : std::vector<Case>{
           {"up beside another", {other}, {}, up("250.0.0.0/8", rich)},
           {"down of one of two", two, {}, {"down", "241.0.0.0/8"}},
           {"down of the other of two", two, {}, {"down", "250.0.0.0/8"}},
           {"down of the last", {up("250.0.0.0/8", rich)}, {}, {"down", "250.0.0.0/8"}},
           {"down with endpoints", with_endpoints, {}, {"down", "250.0.0.0/8", "--force"}},
           {"down of all with endpoints", with_endpoints, {}, {"down", "-e", "--force"}},
           {"other options", with_endpoints, {}, up("250.0.0.0/8", {"no-nat", "mtu", "1400", "strict"})},
           {"of an endpoint", with_endpoints, {}, {"endpoint", "del", "--port", "c2"}},
           {"another address",
            with_endpoints,
            {"ip addr flush dev eth0; ip addr add 172.30.0.99/16 dev eth0; ip route replace default via "
             "172.30.255.254"},
            up("250.0.0.0/8", rich)},
           {"the tunnel device was deleted", two, {"ip link del " + tunnel}, up("250.0.0.0/8", rich)},
           {"the bridge was deleted", two, {"ip link del " + bridge}, up("250.0.0.0/8", rich)},
       }) {
    expect_the_same(one);
  }
}

// A fan goes, one changes, two come, of which the second has nothing but its own.
TEST_P(DryRun, OfSeveralFansIsOneScript) {
  const ConfigFolder before;
  const ConfigFolder after;
  const std::string over = ", encapsulation: " + type();
  before.write("a.yaml", yaml_fan("one", "250.0.0.0/8", over + ", dhcp: true"));
  before.write("b.yaml", yaml_fan("two", "241.0.0.0/8", over));
  after.write("a.yaml", yaml_fan("one", "250.0.0.0/8", over));
  after.write("b.yaml", yaml_fan("three", "242.0.0.0/8", over));
  after.write("c.yaml", yaml_fan("four", "243.0.0.0/8", over + ", shortcut: true"));
  for (const std::vector<Words>& first : std::vector<std::vector<Words>>{{}, {{"apply", "--dir", before.path()}}}) {
    expect_the_same(
        {first.empty() ? "on an empty host" : "on one with fans", first, {}, {"apply", "--dir", after.path()}});
    EXPECT_EQ(host.fanctl({"show", "--check"}).status, 0);
    EXPECT_EQ(host.fanctl_must({"apply", "--dir", after.path(), "--dry-run"}), "");
  }
}

} // namespace
} // namespace fan::test
