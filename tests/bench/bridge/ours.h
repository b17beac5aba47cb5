// What is ours in the comparison.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bridge/stage.h"

namespace fan::bench {

using Ports = std::vector<std::pair<std::string, Mac>>; // name, MAC behind it

// The endpoints of ports 1..count are registered: who-has for them is answered.
void register_endpoints(const Stage& stage, unsigned count);
// Broadcasts of these MACs alone are copied.
void allow_only(const Stage& stage, unsigned first, unsigned count);

} // namespace fan::bench
