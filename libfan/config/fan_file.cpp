#include "config/fan_file.h"

#include <array>
#include <set>

#include <fmt/format.h>

#include "config/fan_entry.h"
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

Taken read_fans(const YamlDocument& document, const YamlNode& section, const DeviceIds& ids, Fans& fans) {
  if (section.kind == YamlNode::Kind::null)
    return {};
  if (section.kind != YamlNode::Kind::mapping)
    return wrong_kind(document, section, "fans", "a mapping from names to fans");
  for (const auto& [name, entry] : section.entries) {
    if (auto valid = check_name(document, name); !valid)
      return valid;
    auto spec = parse_fan_entry(document, entry, name.text, ids);
    if (!spec)
      return std::move(spec).error();
    fans.push_back({name.text, document.place_of(name), std::move(spec).value()});
  }
  return {};
}

Taken read_mappings(const YamlDocument& document, const YamlNode& section, Fans& fans) {
  if (section.kind == YamlNode::Kind::null)
    return {};
  if (section.kind != YamlNode::Kind::list)
    return wrong_kind(document, section, "mappings", "a list of mappings");
  for (const YamlNode& entry : section.items) {
    auto spec = parse_fan_entry(document, entry, "", {});
    if (!spec)
      return std::move(spec).error();
    spec->reach = true;
    fans.push_back({"", document.place_of(entry), std::move(spec).value()});
  }
  return {};
}

// "eth0": itself; a definition that is matched: its set-name, or the name it is matched by when that is no pattern.
std::string device_of(const std::string& id, const YamlNode& definition) {
  if (const YamlNode* name = definition.find("set-name"); name != nullptr && name->kind == YamlNode::Kind::scalar)
    return name->text;
  const YamlNode* match = definition.find("match");
  if (match == nullptr)
    return id;
  const YamlNode* name = match->find("name");
  const bool exact =
      name != nullptr && name->kind == YamlNode::Kind::scalar && name->text.find_first_of("*?[") == std::string::npos;
  return exact ? name->text : "";
}

// Every section of a netplan document that holds definitions is a mapping of mappings.
DeviceIds device_ids(const YamlNode& network) {
  DeviceIds ids;
  for (const auto& [section, definitions] : network.entries) {
    if (section.text == "fans")
      continue;
    for (const auto& [id, definition] : definitions.entries)
      ids.emplace(id.text, device_of(id.text, definition));
  }
  return ids;
}

Taken read_netplan(const YamlDocument& document, const YamlNode& network, Fans& fans) {
  if (network.kind != YamlNode::Kind::mapping)
    return wrong_kind(document, network, "network", "a mapping");
  if (auto right = check_version(document, network, "2"); !right)
    return right;
  const YamlNode* section = network.find("fans");
  return section == nullptr ? Taken() : read_fans(document, *section, device_ids(network), fans);
}

Taken read_own(const YamlDocument& document, Fans& fans) {
  const YamlNode& root = document.root();
  if (auto known = check_keys(document, root, envelope_keys, "this file"); !known)
    return known;
  if (auto right = check_version(document, root, "1"); !right)
    return right;
  if (const YamlNode* section = root.find("fans"))
    if (auto read = read_fans(document, *section, {}, fans); !read)
      return read;
  const YamlNode* mappings = root.find("mappings");
  return mappings == nullptr ? Taken() : read_mappings(document, *mappings, fans);
}

Taken read_any(const YamlDocument& document, Fans& fans) {
  const YamlNode& root = document.root();
  if (root.kind == YamlNode::Kind::null)
    return {};
  if (root.kind != YamlNode::Kind::mapping)
    return document.at(
        root, usage_error(fmt::format("a mapping is wanted, and here is {}", root.kind_name()), envelope_hint));
  const YamlNode* network = root.find("network");
  if (network == nullptr)
    return read_own(document, fans);
  if (root.entries.size() > 1)
    return document.at(root, usage_error("a netplan document has the one key 'network'",
                                         "put what is fanctl's own into another file"));
  return read_netplan(document, *network, fans);
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
  return fan_entry_keys();
}

Result<std::vector<FileFan>> parse_fan_file(std::string_view text, const std::string& file) {
  auto document = YamlDocument::parse(text, file);
  if (!document)
    return std::move(document).error();
  Fans fans;
  if (auto read = read_any(*document, fans); !read)
    return std::move(read).error();
  if (auto apart = check_apart(*document, fans); !apart)
    return std::move(apart).error();
  return fans;
}

} // namespace fan
