#include "config/yaml_checks.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/suggest.h"

namespace fan {

Error wrong_kind(const YamlDocument& document, const YamlNode& node, const std::string& key, const char* wanted) {
  return document.at(node, usage_error(fmt::format("{}: {} is wanted, and here is {}", key, wanted, node.kind_name())));
}

Error missing_value(const YamlDocument& document, const YamlNode& key) {
  return document.at(key,
                     usage_error(fmt::format("{}: the value is missing", key.text), "write one, or leave the key out"));
}

Result<void> check_keys(const YamlDocument& document, const YamlNode& mapping, std::span<const char* const> keys,
                        const char* what) {
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& [name, value] : mapping.entries) {
    if (std::find(known.begin(), known.end(), name.text) != known.end())
      continue;
    const std::string near = did_you_mean(name.text, known);
    const std::string message =
        fmt::format("{} is no key of {}{}{}", quoted(name.text), what, near.empty() ? "" : "; ", near);
    const std::string hint = near.empty() ? fmt::format("the keys are: {}", fmt::join(known, ", ")) : "";
    return document.at(name, usage_error(message, hint));
  }
  return {};
}

} // namespace fan
