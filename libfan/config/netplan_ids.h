// The definitions of a netplan document as far as an underlay needs them: which device an ID stands for. What netplan
// itself makes of its own files is asked of Devices.
#pragma once

#include <string>

#include "config/devices.h"
#include "config/yaml_document.h"
#include "core/result.h"

namespace fan {

// Every key of `network` but `fans`, `version` and `renderer` is a section of definitions by ID. `network` may be
// nullptr: then only this host's own netplan configuration has IDs.
class NetplanIds {
public:
  NetplanIds(const YamlNode* network, const Devices& devices) : network_(network), devices_(devices) {}

  // The name of the device that `name` stands for: `name` itself where it is no ID. A definition with `match` stands
  // for its set-name, for the name that it is matched by, or for the device that matches by name or macaddress. An
  // error (class usage): none does, or several do, or it is matched by something else.
  [[nodiscard]] Result<std::string> device_of(const std::string& name) const;

private:
  [[nodiscard]] const YamlNode* definition_of(const std::string& id) const;
  [[nodiscard]] Result<std::string> matched(const std::string& id, const YamlNode& match) const;

  const YamlNode* network_;
  const Devices& devices_;
};

} // namespace fan
