// What the programs have counted, read from a complete set of maps. Reads only.
#pragma once

#include <vector>

#include "linux/bpf/map_set.h"
#include "linux/bpf/programs.h"

namespace fan::bpf {

// All reasons, in the order of the checks, summed over all CPUs.
Result<std::vector<Count>> read_counters(const MapSet& maps);
// Latest first.
Result<std::vector<Refusal>> read_refused(const MapSet& maps);

} // namespace fan::bpf
