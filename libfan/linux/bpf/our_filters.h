// All of our filters on a list of devices, each with where it is and the maps of its program. Reads only.
#pragma once

#include <memory>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/bpf/attached.h"
#include "linux/bpf/map_set.h"
#include "linux/bpf/programs.h"

namespace fan::bpf {

struct OurFilter {
  Device device;
  Direction direction;
  Attached attached;
  std::shared_ptr<MapSet> maps; // one for all filters with the same: there may be thousands
};

// In the order of the devices, ingress first.
Result<std::vector<OurFilter>> find_ours(Filters& filters, const std::vector<Device>& devices);

// Of this network namespace.
std::vector<Device> every_device();

} // namespace fan::bpf
