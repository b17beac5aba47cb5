#include "config/fan_entry.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/flags.h"
#include "core/suggest.h"
#include "core/words.h"

namespace fan {

namespace {

struct Entry {
  const YamlDocument& document;
  const DeviceIds& ids;
  FanSpec spec;
};

using Taken = Result<void>;

// A key, and the word of the command line that has its meaning.
struct Key {
  const char* name;
  const char* word;
  Taken (*take)(Entry&, const Key&, const YamlNode&);
};

Error at(const Entry& entry, const YamlNode& node, const char* key, Error error) {
  return entry.document.at(node, std::move(error).within(key));
}

Taken give(Entry& entry, const Key& key, const YamlNode& node, std::string_view text) {
  if (auto taken = find_flag(key.word)->take(entry.spec, text); !taken)
    return at(entry, node, key.name, std::move(taken).error());
  return {};
}

Taken take_value(Entry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar)
    return wrong_kind(entry.document, node, key.name, "a value");
  return give(entry, key, node, node.text);
}

// One value, or a list of them.
Taken take_values(Entry& entry, const Key& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar)
    return give(entry, key, node, node.text);
  if (node.kind != YamlNode::Kind::list)
    return wrong_kind(entry.document, node, key.name, "a value or a list of values");
  for (const YamlNode& item : node.items)
    if (auto taken = take_value(entry, key, item); !taken)
      return taken;
  return {};
}

// As netplan reads them.
Result<bool> truth_of(const Entry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar)
    return wrong_kind(entry.document, node, key.name, "true or false");
  std::string text = node.text;
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* yes : {"true", "on", "yes", "y"})
    if (text == yes)
      return true;
  for (const char* no : {"false", "off", "no", "n"})
    if (text == no)
      return false;
  return at(entry, node, key.name, usage_error(quoted(node.text) + " is neither true nor false"));
}

Taken take_switch(Entry& entry, const Key& key, const YamlNode& node) {
  auto on = truth_of(entry, key, node);
  if (!on)
    return std::move(on).error();
  return *on ? give(entry, key, node, "") : Taken();
}

// The word is `no-nat`, and the key says it the other way round.
Taken take_nat(Entry& entry, const Key& key, const YamlNode& node) {
  auto on = truth_of(entry, key, node);
  if (!on)
    return std::move(on).error();
  return *on ? Taken() : give(entry, key, node, "");
}

Taken take_dhcp(Entry& entry, const Key& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::mapping)
    return at(entry, node, key.name,
              usage_error("options of the DHCP server cannot be set yet", "write true or false"));
  return take_switch(entry, key, node);
}

Taken take_overlay(Entry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar)
    return wrong_kind(entry.document, node, key.name, "a network");
  auto overlay = parse_overlay(node.text);
  if (!overlay)
    return at(entry, node, key.name, std::move(overlay).error());
  entry.spec.overlay = *overlay;
  entry.spec.overlay_text = node.text;
  return {};
}

// What was written, with the device's name in the place of netplan's ID for it.
Result<std::string> resolved(const Entry& entry, const Key& key, const YamlNode& node) {
  const std::size_t slash = node.text.rfind('/');
  const auto id = entry.ids.find(node.text.substr(0, slash));
  if (id == entry.ids.end())
    return node.text;
  if (id->second.empty())
    return at(
        entry, node, key.name,
        usage_error(quoted(id->first) + " is matched by something else than a name, so its device is not known here",
                    "give its definition a set-name, or write the device's own name"));
  return slash == std::string::npos ? id->second : id->second + node.text.substr(slash);
}

Taken take_underlay(Entry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar)
    return wrong_kind(entry.document, node, key.name, "a device, an address or a network");
  auto text = resolved(entry, key, node);
  if (!text)
    return std::move(text).error();
  auto underlay = parse_underlay(*text);
  if (!underlay)
    return at(entry, node, key.name, std::move(underlay).error());
  entry.spec.underlay = *underlay;
  entry.spec.underlay_text = *text;
  return {};
}

constexpr std::array keys{
    Key{"overlay", nullptr, take_overlay},
    Key{"underlay", nullptr, take_underlay},
    Key{"encapsulation", "type", take_value},
    Key{"accept", "accept", take_values},
    Key{"vni", "vni", take_value},
    Key{"port", "port", take_value},
    Key{"mtu", "mtu", take_value},
    Key{"host-reserve", "host-reserve", take_value},
    Key{"dhcp", "dhcp", take_dhcp},
    Key{"nat", "no-nat", take_nat},
    Key{"expose", "expose", take_values},
    Key{"ttl-security", "ttl-security", take_value},
    Key{"strict", "strict", take_switch},
    Key{"reach", "reach", take_switch},
};

constexpr auto key_names = [] {
  std::array<const char*, keys.size()> names{};
  for (std::size_t i = 0; i < keys.size(); ++i)
    names[i] = keys[i].name;
  return names;
}();

Taken take_all(Entry& entry, const YamlNode& mapping) {
  for (const auto& [name, value] : mapping.entries) {
    const std::string& text = name.text;
    const auto key = std::find_if(keys.begin(), keys.end(), [&text](const Key& k) { return text == k.name; });
    if (value.kind == YamlNode::Kind::null)
      return entry.document.at(
          name, usage_error(fmt::format("{}: the value is missing", key->name), "write one, or leave the key out"));
    if (auto taken = key->take(entry, *key, value); !taken)
      return taken;
  }
  return {};
}

Taken check_vxlan(const Entry& entry, const YamlNode& mapping) {
  if (entry.spec.encapsulation == Encapsulation::vxlan || entry.spec.accept.count(Encapsulation::vxlan) != 0)
    return {};
  for (const char* key : {"vni", "port"})
    if (mapping.find(key) != nullptr)
      return entry.document.at(*mapping.find(key),
                               usage_error(fmt::format("{} is for vxlan, and this fan is ipip", key),
                                           fmt::format("leave {} out, or accept vxlan too", key)));
  return {};
}

Taken check_required(const Entry& entry, const YamlNode& mapping) {
  for (const char* key : {"overlay", "underlay"})
    if (mapping.find(key) == nullptr)
      return entry.document.at(mapping,
                               usage_error(fmt::format("{} is missing", key),
                                           "a fan has at least `overlay: 250.0.0.0/8` and `underlay: eth0/16`"));
  return {};
}

// What cannot be said in words cannot be recorded: the words have to say the same again.
Result<FanSpec> in_words(const Entry& entry, const YamlNode& mapping) {
  auto spec = parse_words(words_of(entry.spec));
  if (!spec)
    return entry.document.at(mapping, std::move(spec).error());
  return spec;
}

} // namespace

Error wrong_kind(const YamlDocument& document, const YamlNode& node, const std::string& key, const char* wanted) {
  return document.at(node, usage_error(fmt::format("{}: {} is wanted, and here is {}", key, wanted, node.kind_name())));
}

Result<void> check_keys(const YamlDocument& document, const YamlNode& mapping, std::span<const char* const> names,
                        const char* what) {
  const std::vector<std::string> known(names.begin(), names.end());
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

std::span<const char* const> fan_entry_keys() {
  return key_names;
}

Result<FanSpec> parse_fan_entry(const YamlDocument& document, const YamlNode& mapping, const std::string& bridge,
                                const DeviceIds& ids) {
  if (mapping.kind != YamlNode::Kind::mapping)
    return wrong_kind(document, mapping, bridge.empty() ? "mappings" : bridge, "a mapping with the keys of a fan");
  if (auto known = check_keys(document, mapping, key_names, "a fan"); !known)
    return std::move(known).error();
  Entry entry{document, ids, {}};
  entry.spec.encapsulation = Encapsulation::vxlan;
  if (auto required = check_required(entry, mapping); !required)
    return std::move(required).error();
  if (auto taken = take_all(entry, mapping); !taken)
    return std::move(taken).error();
  if (auto fits = check_vxlan(entry, mapping); !fits)
    return std::move(fits).error();
  if (!bridge.empty() && !entry.spec.reach)
    entry.spec.bridge = bridge;
  return in_words(entry, mapping);
}

} // namespace fan
