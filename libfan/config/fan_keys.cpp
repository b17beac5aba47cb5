#include "config/fan_keys.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "config/yaml_checks.h"
#include "core/errors.h"
#include "core/flags.h"
#include "core/words.h"

namespace fan {

namespace {

using Taken = Result<void>;

// A key, and the word of the command line that has its meaning.
struct Key {
  const char* name;
  const char* word;
  Taken (*take)(FanEntry&, const Key&, const YamlNode&);
};

Error at(const FanEntry& entry, const YamlNode& node, const std::string& key, Error error) {
  return entry.document.at(node, std::move(error).within(key));
}

Taken give(FanEntry& entry, const Key& key, const YamlNode& node, std::string_view text) {
  if (auto taken = find_flag(key.word)->take(entry.spec, text); !taken)
    return at(entry, node, key.name, std::move(taken).error());
  return {};
}

Taken take_value(FanEntry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar)
    return wrong_kind(entry.document, node, key.name, "a value");
  return give(entry, key, node, node.text);
}

// One value, or a list of them.
Taken take_values(FanEntry& entry, const Key& key, const YamlNode& node) {
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
Result<bool> truth_of(const FanEntry& entry, const Key& key, const YamlNode& node) {
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

// The word stands for `true`, or, of `no-nat`, for `false`.
template <bool meant>
Taken take_switch(FanEntry& entry, const Key& key, const YamlNode& node) {
  auto on = truth_of(entry, key, node);
  if (!on)
    return std::move(on).error();
  return *on == meant ? give(entry, key, node, "") : Taken();
}

template <std::size_t size>
constexpr std::array<const char*, size> names_of(const std::array<Key, size>& keys) {
  std::array<const char*, size> names{};
  for (std::size_t i = 0; i < size; ++i)
    names[i] = keys[i].name;
  return names;
}

Taken take_by(FanEntry& entry, std::span<const Key> keys, const YamlEntry& given) {
  const std::string& name = given.key.text;
  const auto key = std::find_if(keys.begin(), keys.end(), [&name](const Key& k) { return name == k.name; });
  return given.value.kind == YamlNode::Kind::null ? Taken(missing_value(entry.document, given.key))
                                                  : key->take(entry, *key, given.value);
}

constexpr std::array below_dhcp{
    Key{"lease-time", "lease-time", take_value},
    Key{"domain", "domain", take_value},
};
constexpr auto below_dhcp_names = names_of(below_dhcp);

// True or false, or a mapping, which says how and so means true.
Taken take_dhcp(FanEntry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::mapping)
    return take_switch<true>(entry, key, node);
  if (auto known = check_keys(entry.document, node, below_dhcp_names, "dhcp"); !known)
    return known;
  for (const YamlEntry& given : node.entries)
    if (auto taken = take_by(entry, below_dhcp, given); !taken)
      return taken;
  return give(entry, key, node, "");
}

// `dhcp: 2-99` is the word dhcp=2-99.
Taken take_pools(FanEntry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::mapping)
    return wrong_kind(entry.document, node, key.name, "a mapping from names to ranges of host numbers");
  for (const auto& [name, range] : node.entries) {
    if (range.kind == YamlNode::Kind::null)
      return missing_value(entry.document, name);
    if (range.kind != YamlNode::Kind::scalar)
      return wrong_kind(entry.document, range, name.text, "a range of host numbers, as 2-99,");
    if (auto taken = give(entry, key, range, name.text + "=" + range.text); !taken)
      return taken;
  }
  return {};
}

Taken take_overlay(FanEntry& entry, const Key& key, const YamlNode& node) {
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
Result<std::string> resolved(const FanEntry& entry, const std::string& text) {
  const std::size_t slash = text.rfind('/');
  const std::string name = text.substr(0, slash);
  if (const auto typed = parse_underlay(text); typed && typed->kind != UnderlayRef::Kind::device)
    return text;
  auto device = entry.ids.device_of(name);
  if (!device || *device == name)
    return device ? Result<std::string>(text) : device;
  return slash == std::string::npos ? *device : *device + text.substr(slash);
}

Taken take_underlay(FanEntry& entry, const Key& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar)
    return wrong_kind(entry.document, node, key.name, "a device, an address or a network");
  auto text = resolved(entry, node.text);
  if (!text)
    return at(entry, node, key.name, std::move(text).error());
  auto underlay = parse_underlay(*text);
  if (!underlay)
    return at(entry, node, key.name, std::move(underlay).error());
  entry.spec.underlay = *underlay;
  entry.spec.underlay_text = *text;
  return {};
}

constexpr std::array of_a_fan{
    Key{"overlay", nullptr, take_overlay},
    Key{"underlay", nullptr, take_underlay},
    Key{"encapsulation", "type", take_value},
    Key{"accept", "accept", take_values},
    Key{"vni", "vni", take_value},
    Key{"port", "port", take_value},
    Key{"mtu", "mtu", take_value},
    Key{"host-reserve", "host-reserve", take_value},
    Key{"pools", "pool", take_pools},
    Key{"dhcp", "dhcp", take_dhcp},
    Key{"nat", "no-nat", take_switch<false>},
    Key{"expose", "expose", take_values},
    Key{"ttl-security", "ttl-security", take_value},
    Key{"strict", "strict", take_switch<true>},
    Key{"isolate", "no-isolate", take_switch<false>},
    Key{"shortcut", "shortcut", take_switch<true>},
    Key{"reach", "reach", take_switch<true>},
    Key{"host-access", "host-access", take_value},
    Key{"block-metadata", "block-metadata", take_switch<true>},
    Key{"snooping", "snooping", take_switch<true>},
    Key{"proxy-arp", "proxy-arp", take_switch<true>},
    Key{"secure", "secure", take_switch<true>},
};
constexpr auto of_a_fan_names = names_of(of_a_fan);

} // namespace

std::span<const char* const> fan_keys() {
  return of_a_fan_names;
}

std::span<const char* const> dhcp_keys() {
  return below_dhcp_names;
}

Result<void> take_key(FanEntry& entry, const YamlEntry& given) {
  return take_by(entry, of_a_fan, given);
}

} // namespace fan
