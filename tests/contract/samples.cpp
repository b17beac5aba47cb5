#include "contract/samples.h"

#include "core/dhcp.h"
#include "core/firewall_sets.h"
#include "core/port_sets.h"
#include "core/resolve.h"
#include "core/ruleset.h"
#include "core/words.h"
#include "linux/bpf/programs.h"
#include "linux/service/dhcp_servers.h"

namespace fan::test {
namespace {

std::vector<Object> other_bridges() {
  Bridge mac = sample_bridge();
  mac.mac.bytes[5] = 9;
  Bridge mtu = sample_bridge();
  mtu.mtu = 1400;
  Bridge standard_mtu = sample_bridge();
  standard_mtu.mtu = 1500;
  Bridge alias = sample_bridge();
  alias.alias = "";
  Bridge longest = sample_bridge();
  longest.alias = std::string(254, 'x');
  Bridge all = mac;
  all.mtu = 9000;
  all.alias = "other";
  return {mac, mtu, standard_mtu, alias, longest, all};
}

std::vector<Object> other_tunnels() {
  Tunnel mac = sample_tunnel();
  mac.mac.bytes[5] = 9;
  Tunnel mtu = sample_tunnel();
  mtu.mtu = 1400;
  return {mac, mtu};
}

std::vector<Object> other_routes() {
  Route mtu = sample_route();
  mtu.mtu = 1400;
  Route source = sample_route();
  source.source = Address(0xac1e001cU); // eth0's
  return {mtu, source};
}

Object other_neighbour() {
  Neighbour other = sample_neighbour();
  other.mac.bytes[5] = 9;
  return other;
}

SliceRow sample_slice() {
  SliceRow row;
  row.slice = Prefix::of(sample_gateway, 24);
  row.host = Address(0xac1e001cU);
  row.overlay = sample_overlay;
  row.underlay = Prefix::of(row.host, 16);
  row.vni = default_vni(sample_overlay);
  row.accept_vxlan = true;
  row.port = default_vxlan_port;
  return row;
}

std::vector<Object> other_slices() {
  SliceRow careful = sample_slice();
  careful.least_ttl = 255;
  careful.strict = true;
  SliceRow wider = sample_slice();
  wider.accept_ipip = true;
  wider.reserve = 4;
  wider.vni = 7;
  return {careful, wider};
}

DhcpServer sample_server(const char* words) {
  Facts facts;
  facts.links.push_back({.ifindex = 1, .name = "eth0"});
  const FanSpec spec = *parse_words(split_words(words));
  const Fan fan = *make_fan(spec, {Address(0xac1e001cU), "eth0"}, 1500, facts, {});
  return {sample_bridge_name, dhcp_argv(fan, service::state_directory())};
}

Classifier sample_classifier(const std::string& device, Direction direction, const char* program) {
  return {device, direction, program, bpf::program_build(), true};
}

std::vector<Sample> rows() {
  const MappingRow mapping{sample_overlay, Prefix::of(Address(0xac1e0000U), 16), 7, Encapsulation::vxlan};
  MappingRow other_mapping = mapping;
  other_mapping.vni = 8;
  other_mapping.encapsulation = Encapsulation::ipip;
  return {
      {"record",
       {},
       RecordRow{sample_bridge_name, "fanctl/1 text"},
       {RecordRow{sample_bridge_name, std::string(record_max, 'x')}}},
      {"mapping", {}, mapping, {other_mapping}},
      {"slice", {}, sample_slice(), other_slices()},
      {"never", {}, NeverRow{Address(0xac1effffU)}, {}},
      {"shortcut", {sample_bridge()}, ShortcutRow{sample_slice().slice, sample_bridge_name}, {}},
  };
}

std::vector<Sample> firewall() {
  const Ruleset ruleset{ruleset_version()};
  return {
      {"ruleset", {}, ruleset, {}},
      {"set_element", {ruleset}, SetElement{firewall::slices, "250.0.28.0/24", ""}, {}},
      {"set_element_of_two_parts",
       {ruleset},
       SetElement{firewall::bridge_slices, "\"fan-250-0-28\" . 250.0.28.0/24", ""},
       {}},
      {"map_element",
       {ruleset},
       SetElement{firewall::gateways, "250.0.0.0/8", "250.0.28.1"},
       {SetElement{firewall::gateways, "250.0.0.0/8", "250.0.28.2"}}},
  };
}

SetElement of_ports(const char* set, const char* element, const char* data = "") {
  return {set, element, data, NftTable::bridge};
}

std::vector<Sample> port_rules() {
  const Ruleset ruleset{ruleset_version(NftTable::bridge), NftTable::bridge};
  return {
      {"port_ruleset", {}, ruleset, {}},
      {"port_ruleset_beside_the_firewall", {Ruleset{ruleset_version()}}, ruleset, {}},
      {"port_address", {ruleset}, of_ports(port_sets::addresses, "\"veth1\" . 02:00:00:00:00:01 . 250.0.28.2"), {}},
      {"port_prefix", {ruleset}, of_ports(port_sets::prefixes, "\"veth1\" . 10.1.0.0/16"), {}},
      {"port_prefix_of_ipv6", {ruleset}, of_ports(port_sets::prefixes6, "\"veth1\" . 2001:db8:0:0:1::/80"), {}},
      {"port_address_of_ipv6", {ruleset}, of_ports(port_sets::prefixes6, "\"veth1\" . 2001:db8::1"), {}},
      {"port_targets_of_a_prefix",
       {ruleset},
       of_ports(port_sets::target_prefixes6,
                "\"veth1\" . 0x64ff9b000000000000000000000000-0x64ff9b0000000000000000ffffffff"),
       {}},
      {"port_target", {ruleset}, of_ports(port_sets::targets6, "\"veth1\" . 0xfe80000000000000000000fffe000001"), {}},
      {"port_verdict",
       {ruleset},
       of_ports(port_sets::ports, "\"veth1\"", port_sets::plain_verdict),
       {of_ports(port_sets::ports, "\"veth1\"", port_sets::secured_verdict)}},
  };
}

std::vector<Sample> ports() {
  const Mac mac{{0x02, 0, 0, 0, 0, 1}};
  const Neighbour neighbour{sample_bridge_name, sample_gateway, mac, endpoint_protocol};
  Neighbour secured = neighbour;
  secured.protocol = secured_endpoint_protocol;
  Neighbour other = neighbour;
  other.mac.bytes[5] = 2;
  return {
      {"endpoint_neighbour", {sample_bridge(), LinkUp{sample_bridge_name}}, neighbour, {secured, other}},
      {"fdb_entry",
       {sample_bridge()},
       FdbEntry{sample_bridge_name, mac, "port0"},
       {FdbEntry{sample_bridge_name, mac, "port1"}},
       {"port0", "port1"}},
      {"own_ear", {sample_bridge()}, FdbEntry{sample_bridge_name, own_ear_mac, ""}, {}},
      {"port_that_is_answered_for", {sample_bridge()}, PortFlag{"port0", PortFlagName::proxy_arp_wifi}, {}, {"port0"}},
      {"port_without_broadcasts", {sample_bridge()}, PortFlag{"port0", PortFlagName::bcast_flood}, {}, {"port0"}},
      {"port_that_teaches_nothing", {sample_bridge()}, PortFlag{"port0", PortFlagName::learning}, {}, {"port0"}},
  };
}

std::vector<Sample> programs() {
  return {
      {"bridge_egress", {sample_bridge()}, sample_classifier(sample_bridge_name, Direction::egress, "bridge_out"), {}},
      {"bridge_ingress", {sample_bridge()}, sample_classifier(sample_bridge_name, Direction::ingress, "bridge_in"), {}},
      {"tunnel_ingress",
       {sample_tunnel()},
       sample_classifier(sample_tunnel_name, Direction::ingress, "tunnel_in_vxlan"),
       {sample_classifier(sample_tunnel_name, Direction::ingress, "tunnel_in_vxlan_shortcut")}},
      {"tunnel_egress",
       {sample_tunnel()},
       sample_classifier(sample_tunnel_name, Direction::egress, "tunnel_out_vxlan"),
       {}},
  };
}

std::vector<Sample> network() {
  const std::vector<Object> whole_fan = {sample_tunnel(), sample_bridge(), sample_address(), LinkUp{sample_bridge_name},
                                         LinkUp{sample_tunnel_name}};
  return {
      {"bridge", {}, sample_bridge(), other_bridges()},
      {"tunnel", {}, sample_tunnel(), other_tunnels()},
      {"address", {sample_bridge()}, sample_address(), {}},
      {"host_address", {sample_tunnel()}, InterfaceAddress{sample_tunnel_name, sample_gateway, 32}, {}},
      {"up", {sample_bridge()}, LinkUp{sample_bridge_name}, {}},
      {"tunnel_up", {sample_tunnel()}, LinkUp{sample_tunnel_name}, {}},
      {"querier",
       {sample_bridge()},
       Querier{sample_bridge_name, querier_response_interval},
       {Querier{sample_bridge_name, 200}, Querier{sample_bridge_name, querier_response_interval, false}}},
      {"neighbour", {sample_tunnel(), LinkUp{sample_tunnel_name}}, sample_neighbour(), {other_neighbour()}},
      {"neighbour_of_a_device_that_is_down", {sample_tunnel()}, sample_neighbour(), {other_neighbour()}},
      {"route", whole_fan, sample_route(), other_routes()},
      {"dhcp",
       {sample_bridge(), sample_address(), LinkUp{sample_bridge_name}},
       sample_server("250 eth0 dhcp"),
       {sample_server("250 eth0 dhcp host-reserve 2")}},
  };
}

} // namespace

std::vector<Sample> samples() {
  std::vector<Sample> all = network();
  for (const std::vector<Sample>& more : {rows(), firewall(), port_rules(), ports(), programs()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

} // namespace fan::test
