// `fanctl doctor --peer`: other machines by their addresses, as findings.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "doctor/finding.h"
#include "fanctl/world.h"

namespace fan::cli {

// Adds what is found about each peer. Errors: an address that is none, or of no peer of `fans`; privilege; the
// kernel's.
Result<void> examine_peers(const std::vector<std::string>& peers, const std::vector<Fan>& fans, World& world,
                           doctor::Findings& findings);

} // namespace fan::cli
