// Three hundred ports on one fan bridge: what becomes of a broadcast is decided once, before it is copied, and not for
// each copy.
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/capture.h"
#include "support/raw_sender.h"
#include "support/topology.h"
#include "writes.h"

namespace fan::test {
namespace {

constexpr Mac everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
constexpr const char* bridge = "br0";

// The test's own counters beside fanctl's: one before its hook, one where a copy has come into being, one for each port
// at the last hook before it. They look at one UDP port, so that nothing else is counted.
constexpr const char* witnesses = R"(table bridge witness {
  counter whole { }
  counter copies { }
  set ports {
    type ifname
    size 1024
    flags dynamic
    counter
  }
  chain before {
    type filter hook prerouting priority -301; policy accept;
    udp dport 4242 counter name whole
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    udp dport 4242 counter name copies
  }
  chain after {
    type filter hook postrouting priority 0; policy accept;
    udp dport 4242 update @ports { oifname counter }
  }
}
)";

class BroadcastDecisions : public testing::Test {
protected:
  static constexpr unsigned ports = 300;
  static constexpr unsigned containers = 3; // the others' devices are in one namespace together
  static constexpr std::uint64_t sent = 50;

  void SetUp() override {
    host.set_sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/20", "type", "vxlan", "bridge", bridge});
    crowd.set_sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    std::vector<std::string> here;
    std::vector<std::string> there;
    for (unsigned n = containers; n < ports; ++n) {
      here.push_back(
          fmt::format("link add p{0} master {1} up type veth peer name q{0} netns {2}", n, bridge, crowd.path()));
      there.push_back(fmt::format("link set q{} up", n));
    }
    host.ip(here);
    crowd.ip(there);
    RunOptions file;
    for (unsigned n = 0; n < containers; ++n) {
      members.emplace_back(static_cast<const Netns&>(host), bridge).address(address_of(n).str() + "/20", gateway);
      file.input += fmt::format("{{\"port\": \"{}\", \"address\": \"{}\", \"mac\": \"{}\"}}\n", members[n].port(),
                                address_of(n).str(), members[n].mac().str());
    }
    host.fanctl_must({"endpoint", "apply", "-"}, file);
    host.fanctl_must({"broadcast", "reset", "--force"}); // most ports have no endpoint
    host.fanctl_must({"broadcast", "allow", address_of(allowed).str()});
    RunOptions rules;
    rules.input = witnesses;
    host.must({"nft", "-f", "-"}, rules);
  }
  void TearDown() override {
    members.clear();
    host.fanctl_must({"down", bridge, "--force"});
  }

  static Address address_of(unsigned n) { return Address(0xfa001002U + n); } // 250.0.16.2 is the first

  std::uint64_t counter(const std::string& table, const std::string& name) {
    const std::string text = host.must({"nft", "-j", "list", "counter", "bridge", table, name});
    return nlohmann::json::parse(text)["nftables"][1]["counter"]["packets"];
  }

  // How many copies the bridge has handed to each port since the last time.
  std::map<std::string, std::uint64_t> copies_by_port() {
    std::map<std::string, std::uint64_t> copies;
    const auto document = nlohmann::json::parse(host.must({"nft", "-j", "list", "set", "bridge", "witness", "ports"}));
    for (const auto& element : document["nftables"][1]["set"].value("elem", nlohmann::json::array())) {
      copies[element["elem"]["val"]] = element["elem"]["counter"]["packets"];
    }
    host.must({"nft", "flush", "set", "bridge", "witness", "ports"});
    return copies;
  }

  // Container `n` sends `sent` broadcasts, each when the one before has come to where `heard` listens: so that no queue
  // of the kernel has more than a few hundred copies in it.
  void broadcast(unsigned n, const Capture& heard) {
    const Bytes frame = ethernet(members[n].mac(), everybody, 0x0800,
                                 ipv4({address_of(n), Address(0xffffffffU)}, udp(4242, 4242, text("to all"))));
    RawSender sender = RawSender::frames(members[n], "eth0");
    for (std::uint64_t i = 0; i < sent; ++i) {
      EXPECT_EQ(sender.send(frame), 0);
      ASSERT_TRUE(heard.reached(i + 1));
    }
  }

  static constexpr unsigned refused = 0;
  static constexpr unsigned allowed = 1;
  static constexpr unsigned listener = 2;
  const Address gateway{0xfa001001U};

  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.240.1/20");
  Netns crowd;
  std::deque<Container> members;
};

TEST_F(BroadcastDecisions, AreOneForEachBroadcastAndNotOneForEachCopy) {
  const auto is_call = [](const Frame& frame) { return !frame.outgoing && frame.destination_port() == 4242; };
  const Capture host_hears(host, bridge, is_call);
  const Capture heard(members[listener], "eth0", is_call);
  const auto decisions = [&] {
    return counter("fanctl", "kept") + counter("fanctl", "passed") + counter("fanctl", "answered");
  };
  ASSERT_EQ(counter("witness", "whole"), 0U);

  // Who is not allowed: decided about N times, copied to nobody, and the host alone gets it.
  std::uint64_t before = decisions();
  const std::uint64_t kept = counter("fanctl", "kept");
  broadcast(refused, host_hears);
  EXPECT_EQ(counter("witness", "whole"), sent);
  EXPECT_EQ(counter("fanctl", "kept") - kept, sent);
  EXPECT_EQ(decisions() - before, sent);
  EXPECT_EQ(counter("witness", "copies"), 0U);
  EXPECT_TRUE(copies_by_port().empty());
  EXPECT_EQ(heard.count(), 0U);

  // Who is: N times too, while the copies are 299 times as many. A rule at the hook of copies would be asked each time.
  before = decisions();
  const std::uint64_t passed = counter("fanctl", "passed");
  broadcast(allowed, heard);
  EXPECT_TRUE(eventually([&] { return counter("witness", "copies") >= sent * (ports - 1); }));
  EXPECT_EQ(counter("witness", "whole"), 2 * sent);
  EXPECT_EQ(counter("fanctl", "passed") - passed, sent);
  EXPECT_EQ(decisions() - before, sent);
  EXPECT_EQ(counter("witness", "copies"), sent * (ports - 1));
  const auto copies = copies_by_port();
  EXPECT_EQ(copies.size(), ports - 1);
  EXPECT_EQ(copies.count(members[allowed].port()), 0U) << "nobody gets what he sent";
  EXPECT_TRUE(std::all_of(copies.begin(), copies.end(), [](const auto& port) { return port.second == sent; }));
  EXPECT_EQ(heard.count(), sent);
}

// What made libvirt's restart slow.
TEST_F(BroadcastDecisions, NothingIsWrittenForThreeHundredSecuredPortsThatAreAsTheyShouldBe) {
  RunOptions file;
  for (unsigned n = 0; n < ports; ++n) {
    const std::string port = n < containers ? members[n].port() : fmt::format("p{}", n);
    const std::string mac =
        n < containers ? members[n].mac().str() : fmt::format("02:00:00:00:{:02x}:{:02x}", n >> 8U, n & 0xffU);
    file.input += fmt::format("{{\"port\": \"{}\", \"address\": \"{}\", \"mac\": \"{}\", \"secure\": true}}\n", port,
                              address_of(n).str(), mac);
  }
  host.fanctl_must({"endpoint", "apply", "-"}, file);
  const auto listed = nlohmann::json::parse(host.fanctl_must({"show", "--json"}));
  EXPECT_EQ(listed["fans"][0]["secured"].size(), ports);
  const std::vector<std::string> written =
      writes_of(host, {"up", "250.0.0.0/8", "eth0/20", "type", "vxlan", "bridge", bridge});
  EXPECT_TRUE(written.empty()) << joined(written);
}

} // namespace
} // namespace fan::test
