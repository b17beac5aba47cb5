// Do the pools of a fan fit into its slice? That they are disjoint is known since they were read (core/pool.h).
#pragma once

#include "core/fan.h"
#include "core/result.h"

namespace fan {

// Class usage, with the numbers that would fit.
Result<void> validate_pools(const Fan& fan);

} // namespace fan
