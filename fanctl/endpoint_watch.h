// The loop of `fanctl endpoint watch`.
#pragma once

#include <optional>

#include "engine/fan_selection.h"
#include "fanctl/world.h"

namespace fan::cli {

// Returns only when it cannot go on: without privilege, or when there is no listening any more.
Result<void> watch_endpoints(World& world, const std::optional<FanName>& name);

} // namespace fan::cli
