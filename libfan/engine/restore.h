// Back to the fans of an earlier look: what a trial of a configuration ends with when nobody confirms it.
#pragma once

#include <vector>

#include "core/fan.h"
#include "core/object.h"
#include "core/result.h"
#include "engine/provider.h"

namespace fan {

// The fans of `before` are as they were then, those that came from a configuration since (flag `auto`) go down, also
// while ports are attached, and what somebody brought up by hand since stays where it is in nobody's way. Gives what
// was changed; empty: all was so already. When a change fails, those before it are undone.
Result<std::vector<Change>> restore(Provider& provider, const std::vector<Fan>& before);

} // namespace fan
