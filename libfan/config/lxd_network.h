// The fan of an LXD network, as `lxc network show NAME` prints it in YAML, as a spec of ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/fan_yaml.h"
#include "core/result.h"

namespace fan {

// Does the text look like one? Anything else is a file of ubuntu-fan.
bool is_lxd_network(std::string_view text);

struct LxdNetwork {
  NamedSpec fan;
  std::vector<std::string> notes; // on each key that is set and not followed
};

// `bridge.mode: fan` has to be there. fan.underlay_subnet is a network, or `auto` for the device of the default route;
// fan.type is ipip or vxlan, the latter where it is missing, as in LXD. ipv4.nat, ipv4.dhcp, ipv4.dhcp.expiry,
// dns.domain and bridge.mtu are taken over, and what is different from LXD's fan is said in the comment. Class usage,
// with its place.
Result<LxdNetwork> parse_lxd_network(std::string_view text, const std::string& file);

} // namespace fan
