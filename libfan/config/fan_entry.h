// One fan of a configuration in YAML: the table of its keys, and what each does to a spec. What a value means is
// core/flags.h, so that a file and a command line cannot come to differ.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "config/yaml_document.h"
#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

// Netplan's IDs of devices and the names of those devices, where they are known: "" when an ID stands for a device that
// only a running system can tell.
using DeviceIds = std::map<std::string, std::string>;

std::span<const char* const> fan_entry_keys();

// `entry` has to be a mapping with at least `overlay` and `underlay`. `bridge`: the name to give it, "" for none.
Result<FanSpec> parse_fan_entry(const YamlDocument& document, const YamlNode& entry, const std::string& bridge,
                                const DeviceIds& ids);

// Refuses a key of `mapping` that is not among `keys`, with a suggestion. `what` is what the keys belong to: "a fan".
Result<void> check_keys(const YamlDocument& document, const YamlNode& mapping, std::span<const char* const> keys,
                        const char* what);

// The error "KEY: a list is wanted, and here is a value", at the node.
Error wrong_kind(const YamlDocument& document, const YamlNode& node, const std::string& key, const char* wanted);

} // namespace fan
