// The forms of tunnel packet that a peer of another configuration may take, and how two of them differ, in words. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "engine/prober.h"

namespace fan::doctor {

// Echo requests from this host's gateway to that of `host`, as the fan itself would send one, first.
TunnelForm own_form(const Fan& fan, Address host);

// Others that are worth a try: the other encapsulation, the usual ports and VNIs, other lengths of overlay and
// underlay.
std::vector<TunnelForm> other_forms(const Fan& fan, Address host);

// "vni 5 here, 16384001 there", for each that differs; empty: nothing does.
std::vector<std::string> differences(const TunnelForm& here, const TunnelForm& there);

// "vxlan, UDP port 8472, vni 16384001, 250.0.27.1 -> 250.0.28.1".
std::string text_of(const TunnelForm& form);

} // namespace fan::doctor
