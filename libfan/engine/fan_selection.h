// Which of the recorded fans a person means: the one place where the FAN of a command line is matched, whatever the
// command.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/fan.h"
#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

// Exactly one of the two is set.
struct FanName {
  std::optional<std::string> word; // a bridge, an overlay as typed or as a network, or a slice
  std::optional<FanSpec> pair;     // overlay and underlay
};

// A bridge of exactly this name comes before overlays and slices, and a pair as it was typed when the fan was made
// before what it means on this host now. Several fans may have one overlay or pair; none may be meant.
std::vector<Fan> fans_named(const FanName& name, const std::vector<Fan>& fans, const Facts& facts);

// "no such fan is up", class not_found, with `name` where what is in front of the message does not say it; and which
// are.
Error no_such_fan(const std::vector<Fan>& fans, const std::optional<FanName>& name = std::nullopt);

} // namespace fan
