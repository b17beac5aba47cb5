#include "fanctl/host_devices.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "fanctl/netplan_library.h"

namespace fan::cli {

std::vector<DeviceName> HostDevices::all() const {
  std::vector<DeviceName> names;
  if (const Result<Facts> facts = provider_.facts()) {
    for (const LinkFact& link : facts->links) {
      names.push_back({link.name, link.mac});
    }
  }
  return names;
}

Result<std::optional<std::string>> HostDevices::of_netplan_id(const std::string& id) const {
  const std::vector<DeviceName> devices = all();
  if (std::any_of(devices.begin(), devices.end(), [&](const DeviceName& device) { return device.name == id; })) {
    return std::optional<std::string>();
  }
  const std::optional<NetplanDefinition> definition = netplan_definition(id, devices);
  if (!definition) {
    return std::optional<std::string>();
  }
  if (!definition->set_name.empty()) {
    return std::optional(definition->set_name);
  }
  if (definition->matching.size() == 1) {
    return std::optional(definition->matching.front());
  }
  return usage_error(definition->matching.empty()
                         ? fmt::format("netplan's {} matches no device of this host", fan::quoted(id))
                         : fmt::format("netplan's {} matches more than one device: {}", fan::quoted(id),
                                       fmt::join(definition->matching, ", ")),
                     "give its definition a set-name, or write the device's own name");
}

} // namespace fan::cli
