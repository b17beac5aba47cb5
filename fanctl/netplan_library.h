// libnetplan, opened while fanctl runs: it need not be there, neither when fanctl is built nor when it runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/devices.h"

namespace fan::cli {

struct NetplanDefinition {
  std::string set_name;              // "" for none
  std::vector<std::string> matching; // those of the devices that its `match` fits
};

// What netplan's files (/{lib,etc,run}/netplan) say about an ID. nullopt: no such ID, or one without `match`, whose
// device is called the same; or netplan is not installed, or cannot read its files.
std::optional<NetplanDefinition> netplan_definition(const std::string& id, const std::vector<DeviceName>& devices);

} // namespace fan::cli
