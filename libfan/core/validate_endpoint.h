// Is what is said of a port possible on this host? Pure.
#pragma once

#include "core/facts.h"
#include "core/fan.h"
#include "core/registry.h"
#include "core/result.h"

namespace fan {

// The port is there and of the fan's bridge, or `routed` and fit for that; the address is one of the slice and not the
// host's; the MAC is one that a device can have. Class usage for what no host could mean, host_state for what this one
// has otherwise.
Result<void> check_endpoint(const Registration& endpoint, const Fan& fan, const Facts& facts, bool routed = false);

// The device is a port of the fan's bridge. `routed`: it is there and up, no port of anything, and nothing that the
// host needs for itself, as what comes in by it will be taken for the endpoints'.
Result<void> check_port(const std::string& port, const Fan& fan, const Facts& facts, bool routed = false);

// A MAC address that one device can have, and none of our own.
Result<void> check_mac(const Mac& mac);

} // namespace fan
