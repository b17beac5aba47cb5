// The complaints that every reader of a configuration in YAML has in common.
#pragma once

#include <span>
#include <string>

#include "config/yaml_document.h"
#include "core/result.h"

namespace fan {

// Refuses a key of `mapping` that is not among `keys`, with a suggestion. `what` is what the keys belong to: "a fan".
Result<void> check_keys(const YamlDocument& document, const YamlNode& mapping, std::span<const char* const> keys,
                        const char* what);

// The error "KEY: a list is wanted, and here is a value", at the node.
Error wrong_kind(const YamlDocument& document, const YamlNode& node, const std::string& key, const char* wanted);

// The error "KEY: the value is missing", at the key.
Error missing_value(const YamlDocument& document, const YamlNode& key);

} // namespace fan
