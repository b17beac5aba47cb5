#include "engine/fan_selection.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/words.h"

namespace fan {
namespace {

template <class Meant>
std::vector<Fan> those(const std::vector<Fan>& fans, Meant meant) {
  std::vector<Fan> found;
  std::copy_if(fans.begin(), fans.end(), std::back_inserter(found), meant);
  return found;
}

// What a spec means on this host as it is now: another spelling of a recorded fan, or a fan whose device or address is
// gone.
bool resolves_to(const FanSpec& spec, const Fan& fan, const Facts& facts) {
  if (fan.mapping.overlay() != spec.overlay || fan.mapping.underlay().length() != spec.underlay.prefix_length) {
    return false;
  }
  switch (spec.underlay.kind) {
  case UnderlayRef::Kind::address:
    return fan.host == spec.underlay.address;
  case UnderlayRef::Kind::network:
    return fan.mapping.underlay() == spec.underlay.network;
  case UnderlayRef::Kind::device:
    return fan.device == spec.underlay.device;
  case UnderlayRef::Kind::default_route:
    return fan.device == facts.default_device;
  }
  return false;
}

std::vector<Fan> of_pair(const FanSpec& spec, const std::vector<Fan>& fans, const Facts& facts) {
  auto typed = those(fans, [&](const Fan& fan) { return same_request(fan.spec, spec); });
  return typed.empty() ? those(fans, [&](const Fan& fan) { return resolves_to(spec, fan, facts); }) : typed;
}

std::vector<Fan> of_word(const std::string& word, const std::vector<Fan>& fans) {
  auto bridges = those(fans, [&](const Fan& fan) { return fan.bridge == word; });
  const auto overlay = parse_overlay(word); // a slice is written as one, too
  if (!bridges.empty() || !overlay) {
    return bridges;
  }
  return those(fans, [&](const Fan& fan) { return fan.mapping.overlay() == *overlay || fan.slice() == *overlay; });
}

std::string text_of(const FanName& name) {
  return name.pair ? name.pair->overlay_text + " " + name.pair->underlay_text : quoted(name.word.value_or(""));
}

} // namespace

std::vector<Fan> fans_named(const FanName& name, const std::vector<Fan>& fans, const Facts& facts) {
  return name.pair ? of_pair(*name.pair, fans, facts) : of_word(name.word.value_or(""), fans);
}

Error no_such_fan(const std::vector<Fan>& fans, const std::optional<FanName>& name) {
  std::vector<std::string> names;
  for (const Fan& fan : fans) {
    names.push_back(fmt::format("{} ({} {}/{})", fan.bridge, fan.mapping.overlay().str(), fan.host.str(),
                                fan.mapping.underlay().length()));
  }
  Error error;
  error.kind = ErrorClass::not_found;
  error.message = "no such fan is up" + (name ? ": " + text_of(*name) : "");
  error.hint = names.empty() ? "no fan is up on this host" : fmt::format("up are: {}", fmt::join(names, ", "));
  return error;
}

} // namespace fan
