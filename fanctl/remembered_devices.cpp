#include "fanctl/remembered_devices.h"

#include <algorithm>

namespace fan::cli {

const std::vector<DeviceName>& RememberedDevices::known() const {
  if (!all_) {
    all_ = asked_.all();
  }
  return *all_;
}

std::vector<DeviceName> RememberedDevices::all() const {
  return known();
}

Result<std::optional<std::string>> RememberedDevices::of_netplan_id(const std::string& id) const {
  const std::vector<DeviceName>& devices = known();
  if (std::any_of(devices.begin(), devices.end(), [&](const DeviceName& device) { return device.name == id; })) {
    return std::optional<std::string>();
  }
  auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    found = by_id_.emplace(id, asked_.of_netplan_id(id)).first;
  }
  return found->second;
}

} // namespace fan::cli
