#include "config/fan_entry.h"

#include <fmt/format.h>

#include "config/fan_keys.h"
#include "config/yaml_checks.h"
#include "core/errors.h"
#include "core/words.h"

namespace fan {

namespace {

using Taken = Result<void>;

Taken take_all(FanEntry& entry, const YamlNode& mapping) {
  for (const YamlEntry& given : mapping.entries)
    if (auto taken = take_key(entry, given); !taken)
      return taken;
  return {};
}

Taken check_vxlan(const FanEntry& entry, const YamlNode& mapping) {
  if (entry.spec.encapsulation == Encapsulation::vxlan || entry.spec.accept.count(Encapsulation::vxlan) != 0)
    return {};
  for (const char* key : {"vni", "port"})
    if (mapping.find(key) != nullptr)
      return entry.document.at(*mapping.find(key),
                               usage_error(fmt::format("{} is for vxlan, and this fan is ipip", key),
                                           fmt::format("leave {} out, or accept vxlan too", key)));
  return {};
}

Taken check_required(const FanEntry& entry, const YamlNode& mapping) {
  for (const char* key : {"overlay", "underlay"})
    if (mapping.find(key) == nullptr)
      return entry.document.at(mapping,
                               usage_error(fmt::format("{} is missing", key),
                                           "a fan has at least `overlay: 250.0.0.0/8` and `underlay: eth0/16`"));
  return {};
}

// What cannot be said in words cannot be recorded: the words have to say the same again.
Result<FanSpec> in_words(const FanEntry& entry, const YamlNode& mapping) {
  auto spec = parse_words(words_of(entry.spec));
  if (!spec)
    return entry.document.at(mapping, std::move(spec).error());
  return spec;
}

bool has_one_bridge(const FanSpec& spec) {
  return !spec.reach && spec.underlay.kind != UnderlayRef::Kind::network;
}

} // namespace

Result<FanSpec> parse_fan_entry(const YamlDocument& document, const YamlNode& mapping, const std::string& name,
                                const NetplanIds& ids) {
  if (mapping.kind != YamlNode::Kind::mapping)
    return wrong_kind(document, mapping, name.empty() ? "mappings" : name, "a mapping with the keys of a fan");
  if (auto known = check_keys(document, mapping, fan_keys(), "a fan"); !known)
    return std::move(known).error();
  FanEntry entry{document, ids, {}};
  entry.spec.encapsulation = Encapsulation::vxlan;
  if (auto required = check_required(entry, mapping); !required)
    return std::move(required).error();
  if (auto taken = take_all(entry, mapping); !taken)
    return std::move(taken).error();
  if (auto fits = check_vxlan(entry, mapping); !fits)
    return std::move(fits).error();
  if (!name.empty() && has_one_bridge(entry.spec))
    entry.spec.bridge = name;
  return in_words(entry, mapping);
}

} // namespace fan
