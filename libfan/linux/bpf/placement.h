// Puts a program of ours on a device, first among all filters there, and takes it away. May not: decide whether it
// should be there, or know what its maps hold.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
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

// Programs that were loaded before: a thousand devices share one.
struct LoadedPrograms {
  std::array<std::uint32_t, map_role_count> maps{}; // what they were loaded over
  std::map<std::string, Fd> programs;
};

// Loads the embedded program over `maps`, unless it is in `loaded`, and makes it the only one of ours there. At no
// moment is there none.
Result<void> put_in_place(Filters& filters, const MapSet& maps, LoadedPrograms& loaded, const ProgramRole& role,
                          const Place& place);

// Takes all of ours away but the one under handle `but` (0: all).
Result<void> detach_all(Filters& filters, const Place& place, std::uint32_t but);

} // namespace fan::bpf
