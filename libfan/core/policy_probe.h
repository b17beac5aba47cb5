// The packets of a fan that a rule of routing could lead elsewhere, one of each kind that the rules may tell apart.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "core/policy_rule.h"

namespace fan {

// Where a packet of a fan is to go.
enum class Bound {
  peers,     // into the tunnel, to endpoints of other hosts
  endpoints, // to those of this host
  underlay,  // it is a tunnel packet, and goes to another host
};

struct PolicyProbe {
  Bound bound = Bound::peers;
  RoutedPacket packet;
  std::string device; // that it is to leave by
};

// The kernel takes no protocol but ICMP, TCP and UDP for a question: a tunnel packet of ipip is one of ICMP here.
std::vector<PolicyProbe> policy_probes(const Fan& fan, const std::vector<PolicyRule>& rules);

} // namespace fan
