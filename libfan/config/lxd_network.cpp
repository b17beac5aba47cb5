#include "config/lxd_network.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "config/yaml_checks.h"
#include "config/yaml_document.h"
#include "core/errors.h"
#include "core/flags.h"
#include "core/names.h"
#include "core/words.h"

namespace fan {

namespace {

constexpr const char* by_default = "240.0.0.0/8"; // LXD's fan.overlay_subnet where none is given

struct Network {
  const YamlDocument& document;
  const YamlNode& config;

  [[nodiscard]] std::string value(const char* key, const char* otherwise) const {
    const YamlNode* node = config.find(key);
    return node != nullptr && node->kind == YamlNode::Kind::scalar ? node->text : otherwise;
  }
  [[nodiscard]] Error at(const char* key, Error error) const {
    const YamlNode* node = config.find(key);
    return document.at(node != nullptr ? *node : config, std::move(error).within(key));
  }
};

Result<void> take_networks(const Network& network, FanSpec& spec) {
  spec.overlay_text = network.value("fan.overlay_subnet", by_default);
  auto overlay = parse_overlay(spec.overlay_text);
  if (!overlay)
    return network.at("fan.overlay_subnet", std::move(overlay).error());
  spec.overlay = *overlay;
  const std::string underlay_text = network.value("fan.underlay_subnet", "auto");
  spec.underlay_text = underlay_text == "auto" ? "default/16" : underlay_text;
  auto underlay = parse_underlay(spec.underlay_text);
  if (!underlay)
    return network.at("fan.underlay_subnet", std::move(underlay).error());
  spec.underlay = *underlay;
  return {};
}

Result<void> take_option(const Network& network, const char* key, const char* word, const std::string& value,
                         FanSpec& spec) {
  if (auto taken = find_flag(word)->take(spec, value); !taken)
    return network.at(key, std::move(taken).error());
  return {};
}

// What only the server for DHCP and DNS has.
constexpr std::pair<const char*, const char*> of_the_server[] = {{"dns.domain", "domain"},
                                                                 {"ipv4.dhcp.expiry", "lease-time"}};
constexpr const char* others[] = {"bridge.mode", "bridge.mtu", "fan.overlay_subnet", "fan.underlay_subnet", "fan.type",
                                  "ipv4.dhcp",   "ipv4.nat"};

Result<void> take_if_there(const Network& network, const char* key, const char* word, FanSpec& spec) {
  const std::string value = network.value(key, "");
  return value.empty() ? Result<void>() : take_option(network, key, word, value, spec);
}

Result<void> take_options(const Network& network, FanSpec& spec) {
  if (auto taken = take_option(network, "fan.type", "type", network.value("fan.type", "vxlan"), spec); !taken)
    return taken;
  spec.dhcp = network.value("ipv4.dhcp", "true") != "false";
  spec.nat = network.value("ipv4.nat", "true") != "false";
  if (auto taken = take_if_there(network, "bridge.mtu", "mtu", spec); !taken)
    return taken;
  for (const auto& [key, word] : of_the_server)
    if (auto taken = spec.dhcp ? take_if_there(network, key, word, spec) : Result<void>(); !taken)
      return taken;
  return {};
}

// Why a key that has a value is not followed; "" when it is.
std::string reason_to_leave_out(const std::string& key, const FanSpec& spec) {
  if (std::find(std::begin(others), std::end(others), key) != std::end(others))
    return "";
  const bool is_servers = std::any_of(std::begin(of_the_server), std::end(of_the_server),
                                      [&](const auto& one) { return key == one.first; });
  return !is_servers ? "has no meaning here and is left out" : spec.dhcp ? "" : "is left out, as ipv4.dhcp is false";
}

std::vector<std::string> notes_on(const Network& network, const FanSpec& spec, const std::string& file) {
  std::vector<std::string> notes;
  for (const auto& [key, value] : network.config.entries) {
    const std::string reason = reason_to_leave_out(key.text, spec);
    const bool is_set =
        value.kind != YamlNode::Kind::null && !(value.kind == YamlNode::Kind::scalar && value.text.empty());
    if (is_set && !reason.empty())
      notes.push_back(fmt::format("{}: {} {}", file, quoted(key.text + ": " + value.text), reason));
  }
  return notes;
}

std::string comment_on(const std::string& name, const FanSpec& spec) {
  // A name that no device has can hold what no YAML comment may.
  const std::string said = validate_device_name(name) ? name : quoted(name);
  std::string text = name.empty() ? "A fan of LXD" : "LXD's network " + said;
  text += spec.encapsulation == Encapsulation::vxlan
              ? ", which bridges where this fan routes: the two do not speak to each other,\nso move all hosts. "
                "Containers go onto the new bridge."
              : ". Containers go onto the new bridge.";
  if (spec.underlay.kind == UnderlayRef::Kind::default_route)
    text += "\nLXD's underlay is `auto`, the network of the default route's device: write its length for /16.";
  return text;
}

} // namespace

bool is_lxd_network(std::string_view text) {
  return text.find("bridge.mode:") != std::string_view::npos;
}

Result<LxdNetwork> parse_lxd_network(std::string_view text, const std::string& file) {
  auto document = YamlDocument::parse(text, file);
  if (!document)
    return std::move(document).error();
  const YamlNode& root = document->root();
  const YamlNode* config = root.find("config");
  if (config == nullptr || config->kind != YamlNode::Kind::mapping)
    return document->at(
        root, usage_error("there is no `config:` of a network of LXD", "give what `lxc network show NAME` prints"));
  const Network network{*document, *config};
  if (network.value("bridge.mode", "") != "fan")
    return network.at("bridge.mode", usage_error("this network is no fan", "its bridge.mode would be `fan`"));
  FanSpec spec;
  if (auto taken = take_networks(network, spec); !taken)
    return std::move(taken).error();
  if (auto taken = take_options(network, spec); !taken)
    return std::move(taken).error();
  // What no word can say, no file that is written of it can say either.
  if (auto said = parse_words(words_of(spec)); !said)
    return document->at(*config, std::move(said).error());
  const YamlNode* name = root.find("name");
  const std::string comment = comment_on(name != nullptr ? name->text : "", spec);
  std::vector<std::string> notes = notes_on(network, spec, file);
  return LxdNetwork{{name_for(spec), std::move(spec), comment}, std::move(notes)};
}

} // namespace fan
