// What stands in a fan's way in other people's filters, and the line that helps. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "core/firewall_rules.h"
#include "core/firewall_walk.h"

namespace fan::firewall {

// An accept of ours does not override a drop elsewhere: every base chain has its own say.
struct Obstacle {
  std::string what;   // "packets out of the tunnel to containers"
  std::string where;  // "the policy of chain FORWARD in table ip filter"
  std::string remedy; // a command line; "" when its names cannot be said in one
  auto operator<=>(const Obstacle&) const = default;
};

// Only what is certain (core/firewall_walk.h). One line often helps for several kinds of packets: each line comes once,
// with the kinds of packets joined.
// `between_ports`: those of frames that br_netfilter brings there, too.
std::vector<Obstacle> obstacles_of(const Fan& fan, const std::string& default_device, const Filters& filters,
                                   bool between_ports = true);

// "the policy of chain FORWARD of table ip filter".
std::string place_of(const Drop& drop);

// For a person, in one line. The remedy is what follows the last ": ".
std::string note_of(const Obstacle& obstacle);

} // namespace fan::firewall
