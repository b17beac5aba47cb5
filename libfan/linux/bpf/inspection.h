// What only a person who looks for a fault asks of BPF. Attaches nothing, and leaves nothing in the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace fan::bpf {

struct Trial {
  std::string program; // "tunnel_in_vxlan", as Classifier::program
  std::optional<Error> refused;
};

// Loads each embedded program, with maps of its own, and lets go of it. An error (privilege): this process may load
// none.
Result<std::vector<Trial>> try_programs();

// Names of the programs that tcx runs on this device before any filter, in both directions. Kernels before 6.6 have
// none.
Result<std::vector<std::string>> tcx_programs(std::uint32_t ifindex);

} // namespace fan::bpf
