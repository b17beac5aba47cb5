// The other direction: a fan as text in YAML, for files that fanctl writes itself. What is written here reads back as
// the same spec (config/fan_file.h).
#pragma once

#include <span>
#include <string>

#include "core/fan_spec.h"

namespace fan {

struct NamedSpec {
  std::string name; // its key under `fans:`
  FanSpec spec;
  std::string comment; // lines above it, without '#'; "" for none
};

// "version: 1" and all of them below `fans:`. The bridge is that of the name: `spec.bridge` is not written, nor are
// `autostart` and `origin`. A fan that is `off` is written as a comment.
std::string yaml_of(std::span<const NamedSpec> fans);

// The name that a fan has in a file where nobody gave it one: its bridge's, or that of its overlay: "fan-250".
std::string name_for(const FanSpec& spec);

} // namespace fan
