// The devices of this host, and what its own netplan configuration calls them. netplan is asked through libnetplan
// where that is installed; where it is not, a name is a device's.
#pragma once

#include "config/devices.h"
#include "engine/provider.h"

namespace fan::cli {

class HostDevices : public Devices {
public:
  explicit HostDevices(Provider& provider) : provider_(provider) {}

  [[nodiscard]] std::vector<DeviceName> all() const override;
  // The name of a device that is there is no ID, so that most configurations never ask netplan.
  [[nodiscard]] Result<std::optional<std::string>> of_netplan_id(const std::string& id) const override;

private:
  Provider& provider_;
};

} // namespace fan::cli
