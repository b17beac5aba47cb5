// The devices of this host as they are while a configuration is read: hundreds of fans ask for one and the same.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/devices.h"

namespace fan::cli {

// Asks `asked` once for all devices, and once for each name that is none of theirs.
class RememberedDevices : public Devices {
public:
  explicit RememberedDevices(const Devices& asked) : asked_(asked) {}

  [[nodiscard]] std::vector<DeviceName> all() const override;
  // The name of a device that is there is no ID.
  [[nodiscard]] Result<std::optional<std::string>> of_netplan_id(const std::string& id) const override;

private:
  [[nodiscard]] const std::vector<DeviceName>& known() const;

  const Devices& asked_;
  mutable std::optional<std::vector<DeviceName>> all_;
  mutable std::map<std::string, Result<std::optional<std::string>>> by_id_;
};

} // namespace fan::cli
