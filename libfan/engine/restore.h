// Back to the fans of an earlier look: what a trial of a configuration ends with when nobody confirms it.
#pragma once

#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "engine/host.h"
#include "engine/provider.h"

namespace fan {

// The fans of `before` are as they were then, those that came from a configuration since (flag `auto`) go down, also
// while ports are attached, and what somebody brought up by hand since stays where it is in nobody's way. Gives what
// was changed; empty: all was so already. When a change fails, those before it are undone. What was said of ports then
// is said again, beside what was said since.
Result<std::vector<Change>> restore(Provider& provider, const Host& before);

} // namespace fan
