// The FAN of a command line: a bridge, an overlay or a slice as one word, or overlay and underlay as two words or by -o
// and -u. What it matches is engine/fan_selection.h.
#pragma once

#include <vector>

#include "engine/fan_selection.h"
#include "engine/provider.h"
#include "fanctl/arguments.h"

namespace fan::cli {

// The fan that overlay, underlay and options spell out. Class usage.
Result<FanSpec> spec_of(const FanArguments& given);

// Precondition: something is given. Class usage.
Result<FanName> fan_name_of(const FanArguments& given);

// The fans of this host that are meant, at least one; class not_found where there is none.
Result<std::vector<Fan>> find_fans(const FanArguments& given, const std::vector<Fan>& fans, Provider& provider);

} // namespace fan::cli
