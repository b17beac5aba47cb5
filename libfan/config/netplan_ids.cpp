#include "config/netplan_ids.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include "core/errors.h"

namespace fan {

namespace {

constexpr const char* say_the_name = "give its definition a set-name, or write the device's own name";

const std::string* text_of(const YamlNode& mapping, std::string_view key) {
  const YamlNode* value = mapping.find(key);
  return value != nullptr && value->kind == YamlNode::Kind::scalar ? &value->text : nullptr;
}

bool is_pattern(const std::string& name) {
  return name.find_first_of("*?[") != std::string::npos;
}

bool matches(const DeviceName& device, const std::string* name, const std::optional<Mac>& mac) {
  return (name == nullptr || fnmatch(name->c_str(), device.name.c_str(), 0) == 0) && (!mac || device.mac == *mac);
}

} // namespace

const YamlNode* NetplanIds::definition_of(const std::string& id) const {
  if (network_ == nullptr)
    return nullptr;
  for (const auto& [section, definitions] : network_->entries)
    if (section.text != "fans")
      if (const YamlNode* definition = definitions.find(id))
        return definition;
  return nullptr;
}

Result<std::string> NetplanIds::matched(const std::string& id, const YamlNode& match) const {
  const std::string* name = text_of(match, "name");
  const std::string* mac_text = text_of(match, "macaddress");
  if (name != nullptr && mac_text == nullptr && !is_pattern(*name))
    return *name;
  std::optional<Mac> mac;
  if (mac_text != nullptr) {
    auto parsed = Mac::parse(*mac_text);
    if (!parsed)
      return std::move(parsed).error().within("the macaddress of " + quoted(id));
    mac = *parsed;
  }
  if (match.find("driver") != nullptr || (name == nullptr && !mac))
    return usage_error(quoted(id) + " is matched by something else than a name or a macaddress", say_the_name);
  std::vector<std::string> found;
  for (const DeviceName& device : devices_.all())
    if (matches(device, name, mac))
      found.push_back(device.name);
  if (found.size() == 1)
    return found.front();
  return usage_error(found.empty()
                         ? fmt::format("{} matches no device of this host", quoted(id))
                         : fmt::format("{} matches more than one device: {}", quoted(id), fmt::join(found, ", ")),
                     say_the_name);
}

Result<std::string> NetplanIds::device_of(const std::string& name) const {
  const YamlNode* definition = definition_of(name);
  if (definition == nullptr) {
    auto known = devices_.of_netplan_id(name);
    return known ? Result<std::string>(known->value_or(name)) : Result<std::string>(std::move(known).error());
  }
  if (const std::string* set_name = text_of(*definition, "set-name"))
    return *set_name;
  const YamlNode* match = definition->find("match");
  return match == nullptr ? Result<std::string>(name) : matched(name, *match);
}

} // namespace fan
