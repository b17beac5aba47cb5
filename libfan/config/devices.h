// What the reader of a configuration may ask about the devices of this host, so that netplan's IDs can stand for them.
// The answers come from somebody else: this room reads text only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/result.h"

namespace fan {

struct DeviceName {
  std::string name;
  Mac mac;
};

class Devices {
public:
  virtual ~Devices() = default;

  // The devices there are.
  [[nodiscard]] virtual std::vector<DeviceName> all() const { return {}; }

  // The device that an ID of this host's own netplan configuration stands for. nullopt: there is no such ID. An error:
  // there is one, and what it stands for cannot be told.
  [[nodiscard]] virtual Result<std::optional<std::string>> of_netplan_id(const std::string& /*id*/) const {
    return std::optional<std::string>();
  }
};

} // namespace fan
