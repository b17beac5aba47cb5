// The keys of a fan in YAML: a table of what each does to a spec. What a value means is core/flags.h, so that a file
// and a command line cannot come to differ.
#pragma once

#include <span>

#include "config/netplan_ids.h"
#include "config/yaml_document.h"
#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

// A fan that is being read.
struct FanEntry {
  const YamlDocument& document;
  const NetplanIds& ids;
  FanSpec spec;
};

// The keys of a fan, and those below its key `dhcp`.
std::span<const char* const> fan_keys();
std::span<const char* const> dhcp_keys();

// Takes the value of one of fan_keys(). Errors have their place.
Result<void> take_key(FanEntry& entry, const YamlEntry& given);

} // namespace fan
