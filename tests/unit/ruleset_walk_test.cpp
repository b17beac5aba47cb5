// Our own table, followed by its text: every rule of it is understood, and the ways that matter end as they should.
#include <gtest/gtest.h>

#include "core/firewall_sets.h"
#include "core/ruleset.h"
#include "core/ruleset_walk.h"
#include "given.h"

namespace fan::test {
namespace {

using firewall::Hook;

Address at(const char* text) {
  return *Address::parse(text);
}

const std::vector<SetElement> elements{
    {"overlays", "250.0.0.0/8", ""},
    {"slices", "250.0.28.0/24", ""},
    {"nat_slices", "250.0.28.0/24", ""},
    {"bridges", "\"fan-250-0-28\"", ""},
    {"tunnels", "\"fanvx8472\"", ""},
    {"ports", "8472", ""},
    {"protocols", "4", ""},
    {"underlays", "\"eth0\" . 172.30.0.28", ""},
    {"underlay_nets", "172.30.0.0/16", ""},
    {"gateways", "250.0.0.0/8", "250.0.28.1"},
    {"exposed", "250.0.28.5", ""},
    {"bridge_slices", "\"fan-250-0-28\" . 250.0.28.0/24", ""},
};

RulesetPacket packet(const char* source, const char* destination, const char* in, const char* out,
                     std::uint8_t protocol = protocol_tcp, std::uint16_t port = 80) {
  RulesetPacket p;
  p.packet.source = at(source);
  p.packet.destination = at(destination);
  p.packet.protocol = protocol;
  p.packet.destination_port = port;
  p.in_device = in;
  p.out_device = out;
  const auto ours = [](const std::string& device) { return device.starts_with("fan"); };
  p.in_ours = ours(in);
  p.out_ours = ours(out);
  return p;
}

// And what a fan with host-access and block-metadata has besides.
std::vector<SetElement> closed_elements() {
  std::vector<SetElement> all = elements;
  for (const char* device : {"\"fan-250-0-28\"", "\"veth9\""}) {
    all.push_back({"closed_bridges", device, ""});
    all.push_back({"no_metadata", device, ""});
  }
  all.push_back({"closed_slices", "250.0.28.0/24", ""});
  all.push_back({"pinged", "\"fan-250-0-28\" . 250.0.28.1", ""});
  all.push_back({"served", "\"fan-250-0-28\" . 250.0.28.1 . 17 . 53", ""});
  all.push_back({"bridges", "\"veth9\"", ""});
  all.push_back({"port_addresses", "\"veth9\" . 250.0.28.9", ""});
  all.push_back({"port_addresses", "\"veth9\" . 250.0.28.1", ""});
  all.push_back({"shortcuts", "250.0.28.0/24", ""});
  all.push_back({"open_slices", "250.0.28.0/24", ""});
  return all;
}

std::string end_of(Hook hook, const RulesetPacket& p, const std::vector<SetElement>& of = elements) {
  const RulesetEnd end = walk_ruleset(hook, p, of);
  EXPECT_EQ(end.not_understood, "");
  return end.drops ? end.counter : "passes";
}

TEST(RulesetWalk, DropsWhatTheTableDrops) {
  EXPECT_EQ(end_of(Hook::prerouting, packet("250.0.28.2", "250.0.27.2", "fan-250-0-28", "")), "passes");
  EXPECT_EQ(end_of(Hook::prerouting, packet("250.0.27.2", "250.0.28.2", "eth0", "")), "forged");
  EXPECT_EQ(end_of(Hook::prerouting, packet("250.0.29.2", "250.0.27.2", "fan-250-0-28", "")), "forged");
  EXPECT_EQ(end_of(Hook::prerouting, packet("250.0.27.2", "250.0.28.2", "fanvx8472", "")), "passes") << "coarse";
  EXPECT_EQ(end_of(Hook::prerouting, packet("250.0.27.2", "250.0.29.2", "fanvx8472", "")), "tunnel_coarse");
  EXPECT_EQ(end_of(Hook::forward, packet("198.51.100.1", "250.0.28.2", "eth0", "fan-250-0-28")), "outside");
  EXPECT_EQ(end_of(Hook::forward, packet("198.51.100.1", "250.0.28.5", "eth0", "fan-250-0-28")), "passes") << "exposed";
  EXPECT_EQ(end_of(Hook::forward, packet("250.0.28.2", "172.30.0.27", "fan-250-0-28", "eth0", 4, 0)), "smuggled");
  EXPECT_EQ(end_of(Hook::input, packet("172.30.0.27", "172.30.0.28", "eth0", "", protocol_udp, 8472)), "passes");
  EXPECT_EQ(end_of(Hook::input, packet("172.30.0.27", "172.30.0.28", "eth1", "", protocol_udp, 8472)), "misdelivered");
  EXPECT_EQ(end_of(Hook::output, packet("172.30.0.28", "172.30.0.27", "", "eth0", protocol_udp, 8472)), "unmarked");
  RulesetPacket marked = packet("172.30.0.28", "172.30.0.27", "", "eth0", protocol_udp, 8472);
  marked.mark = tunnel_mark;
  EXPECT_EQ(end_of(Hook::output, marked), "passes");
  EXPECT_EQ(walk_ruleset(Hook::output, marked, elements).mark, 0U);
}

TEST(RulesetWalk, AnswersComeIn) {
  RulesetPacket answer = packet("198.51.100.1", "250.0.28.2", "eth0", "fan-250-0-28");
  answer.state = "established";
  EXPECT_EQ(end_of(Hook::forward, answer), "passes");
  RulesetPacket translated = packet("198.51.100.1", "250.0.28.2", "eth0", "fan-250-0-28");
  translated.translated = true;
  EXPECT_EQ(end_of(Hook::forward, translated), "passes");
}

TEST(RulesetWalk, TranslatesAsTheTableDoes) {
  const auto translated = [](const RulesetPacket& p) { return walk_ruleset(Hook::postrouting, p, elements); };
  EXPECT_EQ(translated(packet("250.0.28.2", "250.0.27.2", "", "fanvx8472")).source, at("250.0.28.2"));
  RulesetPacket of_host = packet("172.30.0.28", "250.0.27.2", "", "fanvx8472");
  of_host.source_is_local = true;
  EXPECT_EQ(translated(of_host).source, at("250.0.28.1"));
  EXPECT_TRUE(translated(packet("250.0.28.2", "198.51.100.1", "", "eth0")).masqueraded);
  EXPECT_FALSE(translated(packet("250.0.28.2", "250.0.27.2", "", "eth0")).masqueraded);
}

TEST(RulesetWalk, RefusesWhatEndpointsMayNotAskOfTheirHost) {
  const std::vector<SetElement> closed = closed_elements();
  const auto asks = [&](const char* destination, std::uint8_t protocol, std::uint16_t port, const char* by) {
    return end_of(Hook::input, packet("250.0.28.2", destination, by, "", protocol, port), closed);
  };
  EXPECT_EQ(asks("250.0.28.1", protocol_tcp, 22, "fan-250-0-28"), "host_access");
  EXPECT_EQ(asks("250.0.28.1", protocol_tcp, 53, "fan-250-0-28"), "host_access") << "of another protocol";
  EXPECT_EQ(asks("250.0.28.1", protocol_udp, 53, "fan-250-0-28"), "passes");
  EXPECT_EQ(asks("172.30.0.28", protocol_udp, 53, "fan-250-0-28"), "host_access") << "of another address";
  EXPECT_EQ(asks("250.0.28.1", protocol_icmp, 0, "fan-250-0-28"), "passes");
  EXPECT_EQ(asks("250.0.28.1", protocol_icmp, 0, "veth9"), "host_access");
  EXPECT_EQ(asks("250.0.28.1", protocol_tcp, 22, "fanvx8472"), "host_access");
  const RulesetPacket to_metadata = packet("250.0.28.2", "169.254.169.254", "fan-250-0-28", "eth0");
  EXPECT_EQ(end_of(Hook::forward, to_metadata, closed), "metadata");
  EXPECT_EQ(end_of(Hook::forward, to_metadata), "passes") << "where nobody asked for it";
}

TEST(RulesetWalk, ARoutedPortSpeaksForItsEndpointsOnly) {
  const std::vector<SetElement> closed = closed_elements();
  EXPECT_EQ(end_of(Hook::prerouting, packet("250.0.28.9", "250.0.27.2", "veth9", ""), closed), "passes");
  EXPECT_EQ(end_of(Hook::prerouting, packet("250.0.28.2", "250.0.27.2", "veth9", ""), closed), "forged");
}

// A rule with a word that nobody taught the walk would be skipped in silence, were it not for this.
TEST(RulesetWalk, UnderstandsEveryRule) {
  const std::vector<SetElement> closed = closed_elements();
  for (const Hook hook : {Hook::prerouting, Hook::input, Hook::forward, Hook::output, Hook::postrouting}) {
    for (const std::uint8_t protocol : {protocol_tcp, protocol_udp, protocol_ipip, protocol_icmp}) {
      for (const char* source : {"250.0.28.2", "250.0.27.2", "172.30.0.27", "198.51.100.1"}) {
        for (const char* destination : {"250.0.28.2", "250.0.27.2", "172.30.0.28", "198.51.100.1", "169.254.169.254"}) {
          for (const char* in : {"", "lo", "eth0", "fanvx8472", "fan-250-0-28", "veth9"}) {
            for (const char* out : {"", "lo", "eth0", "fanvx8472", "fan-250-0-28"}) {
              for (const std::uint16_t port : {std::uint16_t{80}, std::uint16_t{8472}}) {
                (void)end_of(hook, packet(source, destination, in, out, protocol, port));
                (void)end_of(hook, packet(source, destination, in, out, protocol, port), closed);
              }
            }
          }
        }
      }
    }
  }
}

} // namespace
} // namespace fan::test
