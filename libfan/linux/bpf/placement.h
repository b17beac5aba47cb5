// Puts a program of ours on a device, first among all filters there, and takes it away. May not: decide whether it
// should be there, or know what its maps hold.
#pragma once

#include <cstdint>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/bpf/attached.h"
#include "linux/bpf/map_set.h"

namespace fan::bpf {

// Where: the classifier, its device's ifindex, and what of ours is there already, in the kernel's order.
struct Place {
  const Classifier& classifier;
  std::uint32_t ifindex;
  const std::vector<Attached>& present;
};

// Loads the embedded program over `maps` and makes it the only one of ours there. At no moment is there none.
Result<void> put_in_place(Filters& filters, const MapSet& maps, const ProgramRole& role, const Place& place);

// Takes all of ours away but the one under handle `but` (0: all).
Result<void> detach_all(Filters& filters, const Place& place, std::uint32_t but);

} // namespace fan::bpf
