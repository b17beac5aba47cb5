// The objects that the contract is tested with: one whole fan's, and for each kind another state of the same object.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/object.h"

namespace fan::test {

inline const std::string sample_bridge_name = "fan-250-0-28";
inline const std::string sample_tunnel_name = "fanvx8472";
inline const Address sample_gateway{0xfa001c01U}; // 250.0.28.1
inline const Prefix sample_overlay = Prefix::of(Address(0xfa000000U), 8);

inline Bridge sample_bridge() {
  return {sample_bridge_name, Mac{{0x02, 0xfa, 0xfa, 0x00, 0x1c, 0x01}}, 1450, "fanctl/1 250.0.0.0/8 eth0/16 dhcp"};
}
inline Tunnel sample_tunnel() {
  return {sample_tunnel_name, Encapsulation::vxlan, 8472, Mac{{0x02, 0xfa, 0xac, 0x1e, 0x00, 0x1c}}, 1450, "noqueue"};
}
inline InterfaceAddress sample_address() {
  return {sample_bridge_name, sample_gateway, 24};
}
inline Neighbour sample_neighbour() {
  return {sample_tunnel_name, next_hop, next_hop_mac};
}
inline Route sample_route() {
  return {sample_overlay, next_hop, sample_tunnel_name, sample_gateway, 1450};
}

// One kind of object: what has to be there first, the object, and another state of it where it has one.
struct Sample {
  std::string name;
  std::vector<Object> before;
  Object object;
  std::vector<Object> others;          // states that it can be changed to, in place
  std::vector<std::string> ports = {}; // devices that are ports of the sample bridge
};
inline void PrintTo(const Sample& sample, std::ostream* out) {
  *out << sample.name;
}

std::vector<Sample> samples();

} // namespace fan::test
