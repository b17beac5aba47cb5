#include "contract/samples.h"

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

} // namespace

std::vector<Sample> network_samples() {
  const std::vector<Object> whole_fan = {sample_tunnel(), sample_bridge(), sample_address(), LinkUp{sample_bridge_name},
                                         LinkUp{sample_tunnel_name}};
  return {
      {"bridge", {}, sample_bridge(), other_bridges()},
      {"tunnel", {}, sample_tunnel(), other_tunnels()},
      {"address", {sample_bridge()}, sample_address(), {}},
      {"host_address", {sample_tunnel()}, InterfaceAddress{sample_tunnel_name, sample_gateway, 32}, {}},
      {"up", {sample_bridge()}, LinkUp{sample_bridge_name}, {}},
      {"tunnel_up", {sample_tunnel()}, LinkUp{sample_tunnel_name}, {}},
      {"neighbour", {sample_tunnel(), LinkUp{sample_tunnel_name}}, sample_neighbour(), {other_neighbour()}},
      {"neighbour_of_a_device_that_is_down", {sample_tunnel()}, sample_neighbour(), {other_neighbour()}},
      {"route", whole_fan, sample_route(), other_routes()},
  };
}

} // namespace fan::test
