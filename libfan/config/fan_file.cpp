#include "config/fan_file.h"

#include <array>
#include <set>

#include <fmt/format.h>

#include "config/fan_entry.h"
#include "config/fan_keys.h"
#include "config/yaml_checks.h"
#include "config/yaml_document.h"
#include "core/errors.h"
#include "core/flags.h"

namespace fan {

namespace {

using Fans = std::vector<FileFan>;
using Taken = Result<void>;

constexpr std::array envelope_keys{"version", "fans", "mappings"};
constexpr const char* envelope_hint = "write `version: 1` and, below it, `fans:`";

Taken check_version(const YamlDocument& document, const YamlNode& mapping, const char* wanted) {
  const YamlNode* version = mapping.find("version");
  if (version == nullptr)
    return document.at(mapping, usage_error("version is missing", fmt::format("write `version: {}`", wanted)));
  if (version->kind != YamlNode::Kind::scalar || version->text != wanted)
    return document.at(*version, usage_error(fmt::format("version: {} is wanted", wanted),
                                             "a file of another version is for another fanctl"));
  return {};
}

// The name becomes a device's, so what a bridge may be called decides.
Taken check_name(const YamlDocument& document, const YamlNode& name) {
  FanSpec unused;
  if (auto valid = find_flag("bridge")->take(unused, name.text); !valid)
    return document.at(name, std::move(valid).error());
  return {};
}

Taken read_fans(const YamlDocument& document, const YamlNode& section, const NetplanIds& ids, Fans& fans) {
  if (section.kind == YamlNode::Kind::null)
    return {};
  if (section.kind != YamlNode::Kind::mapping)
    return wrong_kind(document, section, "fans", "a mapping from names to fans");
  for (const auto& [name, entry] : section.entries) {
    if (auto valid = check_name(document, name); !valid)
      return valid;
    if (entry.kind == YamlNode::Kind::null) // its place is wherever the parser found that there is nothing
      return missing_value(document, name);
    auto spec = parse_fan_entry(document, entry, name.text, ids);
    if (!spec)
      return std::move(spec).error();
    fans.push_back({name.text, document.place_of(name), std::move(spec).value()});
  }
  return {};
}

Taken read_mappings(const YamlDocument& document, const YamlNode& section, const NetplanIds& ids, Fans& fans) {
  if (section.kind == YamlNode::Kind::null)
    return {};
  if (section.kind != YamlNode::Kind::list)
    return wrong_kind(document, section, "mappings", "a list of mappings");
  for (const YamlNode& entry : section.items) {
    auto spec = parse_fan_entry(document, entry, "", ids);
    if (!spec)
      return std::move(spec).error();
    if (const YamlNode* reach = entry.find("reach"); reach != nullptr && !spec->reach)
      return document.at(*reach, usage_error("reach: this host only speaks to a fan of `mappings`",
                                             "leave it out, or move the fan to `fans`"));
    spec->reach = true;
    fans.push_back({"", document.place_of(entry), std::move(spec).value()});
  }
  return {};
}

// `fans` and `mappings`, which stand in our own envelope as in a netplan document.
Taken read_sections(const YamlDocument& document, const YamlNode& mapping, const NetplanIds& ids, Fans& fans) {
  if (const YamlNode* section = mapping.find("fans"))
    if (auto read = read_fans(document, *section, ids, fans); !read)
      return read;
  const YamlNode* section = mapping.find("mappings");
  return section == nullptr ? Taken() : read_mappings(document, *section, ids, fans);
}

Taken read_netplan(const YamlDocument& document, const YamlNode& network, const Devices& devices, Fans& fans) {
  if (network.kind != YamlNode::Kind::mapping)
    return wrong_kind(document, network, "network", "a mapping");
  if (auto right = check_version(document, network, "2"); !right)
    return right;
  return read_sections(document, network, NetplanIds(&network, devices), fans);
}

Taken read_own(const YamlDocument& document, const Devices& devices, Fans& fans) {
  const YamlNode& root = document.root();
  if (auto known = check_keys(document, root, envelope_keys, "this file"); !known)
    return known;
  if (auto right = check_version(document, root, "1"); !right)
    return right;
  return read_sections(document, root, NetplanIds(nullptr, devices), fans);
}

Taken read_any(const YamlDocument& document, const Devices& devices, Fans& fans) {
  const YamlNode& root = document.root();
  if (root.kind == YamlNode::Kind::null)
    return {};
  if (root.kind != YamlNode::Kind::mapping)
    return document.at(
        root, usage_error(fmt::format("a mapping is wanted, and here is {}", root.kind_name()), envelope_hint));
  const YamlNode* network = root.find("network");
  if (network == nullptr)
    return read_own(document, devices, fans);
  if (root.entries.size() > 1)
    return document.at(root, usage_error("a netplan document has the one key 'network'",
                                         "put what is fanctl's own into another file"));
  return read_netplan(document, *network, devices, fans);
}

// One bridge, and one fan, each once.
Taken check_apart(const YamlDocument& document, const Fans& fans) {
  std::set<std::pair<Prefix, UnderlayRef>> seen;
  for (const FileFan& fan : fans)
    if (!seen.emplace(fan.spec.overlay, fan.spec.underlay).second) {
      Error error =
          usage_error(fmt::format("the fan {} {} is there twice", fan.spec.overlay_text, fan.spec.underlay_text),
                      "keep one of them");
      error.place = document.place_at(fan.place.line, fan.place.column);
      return error;
    }
  return {};
}

} // namespace

std::span<const char* const> fan_file_keys() {
  return fan_keys();
}

std::span<const char* const> fan_file_dhcp_keys() {
  return dhcp_keys();
}

Result<std::vector<FileFan>> parse_fan_file(std::string_view text, const std::string& file, const Devices& devices) {
  auto document = YamlDocument::parse(text, file);
  if (!document)
    return std::move(document).error();
  Fans fans;
  if (auto read = read_any(*document, devices, fans); !read)
    return std::move(read).error();
  if (auto apart = check_apart(*document, fans); !apart)
    return std::move(apart).error();
  return fans;
}

} // namespace fan
