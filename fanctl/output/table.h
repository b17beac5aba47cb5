// `fanctl show` as text. Pure. The table of the 2015 tool is a promise to the byte: printf widths 16, 20, 20, one line
// a fan.
#pragma once

#include <span>
#include <string>

#include "engine/requests.h"
#include "fanctl/world.h"

namespace fan::cli {

// Header and one line a fan; the word `degraded` is the last flag of a fan that is not as it should be.
std::string fan_table(std::span<const FanStatus> fans);

// What -v adds below the table for each fan: slice, host, MTU, ports, and every object that is not as it should be.
std::string fan_details(std::span<const FanStatus> fans);

// One sentence a degraded fan, for standard error.
std::string degraded_note(const FanStatus& fan);

// What was let through, and every reason that was given at least once; with `all` the others too.
std::string traffic_table(std::span<const TrafficCount> counts, bool all);
std::string refused_table(std::span<const RefusedPeer> peers);

} // namespace fan::cli
