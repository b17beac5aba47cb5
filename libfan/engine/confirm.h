// Nothing is claimed that the kernel has not confirmed.
#pragma once

#include <vector>

#include "core/facts.h"
#include "core/fan.h"
#include "core/result.h"
#include "engine/provider.h"

namespace fan {

// Reads everything once more and expects that no change is left to come to `fans`, on the host of `facts`, with which
// `plan` was made, or on the host as it is by now. When one is, or it cannot be read, nothing can be claimed, and
// `plan`, which was carried out, is undone.
Result<void> confirm(Provider& provider, const Facts& facts, const std::vector<Fan>& fans,
                     const std::vector<Change>& plan);

} // namespace fan
