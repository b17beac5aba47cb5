// Rows of the map fan_devices: which of this namespace's devices are tunnels and bridges of ours. The guard lets pass
// what comes from a tunnel, so a row too many is a door and a row too few closes one. They follow from where the
// programs are.
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"
#include "linux/bpf/attached.h"
#include "linux/bpf/our_filters.h"

namespace fan::bpf {

// Makes the map know this device, or no longer. Rows of devices that no program of ours says anything about go as well
// when `tidy`, which looks at each; of a tunnel only those of devices that have gone, and else none, as a thousand
// ports may come at once.
Result<void> note_device(Filters& filters, const MapSet& maps, std::uint32_t ifindex, const ProgramRole& role,
                         bool tidy);
Result<void> forget_device(const MapSet& maps, std::uint32_t ifindex);

// The ifindexes of devices that have a row which no program on them says; those that are gone are among them.
Result<std::vector<std::uint32_t>> unsaid_devices(Filters& filters, const MapSet& maps);

// True of a program whose device has a row because of it.
bool says_what_device_is(const Attached& attached);

// Devices that have a row and are none of `ours`, as a routed port is that nobody remembers any more.
Result<std::vector<Device>> known_besides(const MapSet& maps, const std::vector<Device>& ours);

// The devices among those of `found` whose row is missing or says something else; 0 among them: a device that is there
// and is none of `ours` has a row.
Result<std::vector<std::uint32_t>> wrongly_known(const MapSet& maps, const std::vector<Device>& ours,
                                                 const std::vector<OurFilter>& found);

} // namespace fan::bpf
