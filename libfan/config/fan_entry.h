// One fan of a configuration in YAML, as a whole: which keys have to be there and which go together. What each key does
// is config/fan_keys.h.
#pragma once

#include <string>

#include "config/netplan_ids.h"
#include "config/yaml_document.h"
#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

// `entry` has to be a mapping with at least `overlay` and `underlay`. `name`: that of the fan, "" for none; its bridge
// has it, unless there is none (reach) or may be several (an underlay that is given as a network).
Result<FanSpec> parse_fan_entry(const YamlDocument& document, const YamlNode& entry, const std::string& name,
                                const NetplanIds& ids);

} // namespace fan
