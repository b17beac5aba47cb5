// The part of validate() that looks at the tunnel devices of others.
#pragma once

#include "core/facts.h"
#include "core/fan.h"
#include "core/result.h"

namespace fan {

// Is there a device, not ours, that our tunnel device cannot stand beside? One external ipip device in a network
// namespace, one vxlan device on a UDP port; a foreign ipip device decapsulates unchecked, and tunl0 in use would
// starve. Class host_state.
Result<void> validate_tunnels(const Fan& fan, const Facts& facts);

} // namespace fan
