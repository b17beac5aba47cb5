// What is ours in the comparison.
#pragma once

#include "bridge/stage.h"

namespace fan::bench {

// The endpoints of ports 1..count are registered: who-has for them is answered. On a fan's bridge by one `fanctl
// endpoint apply`, else by hand, with the same messages and rules.
void register_endpoints(const Stage& stage, unsigned count);
// On a fan's bridge: and the ports are secured.
void secure_endpoints(const Stage& stage, unsigned count);
// All loose pairs of a fan's host are its routed endpoints.
void route_endpoints(const Stage& stage);
// On a fan's bridge: the endpoints behind ports c1, c2, ... are registered, and nobody's broadcasts are copied.
void keep_broadcasts(const Stage& stage, const char* port, unsigned count);
// Broadcasts of these MACs alone are copied.
void allow_only(const Stage& stage, unsigned first, unsigned count);

} // namespace fan::bench
