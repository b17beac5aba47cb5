// The exit statuses of fanctl: a documented promise to scripts (fanctl(8), EXIT STATUS). A status never changes its
// meaning.
#pragma once

#include <string_view>

#include "core/result.h"

namespace fan::cli {

enum class ExitStatus : int {
  success = 0,
  unwritten = 1, // the work was done, but what it had to say could not be written
  usage = 2,
  host_state = 3,
  privilege = 4,
  kernel = 5,
  busy = 6,
  partial = 7,
  degraded = 8, // only `show --check`: a fan is not as it should be
  differs =
      9, // only `apply --check`, `apply --exit-code` and `show --diff --check`: the host is, or was, not as configured
  not_found = 10, // no such fan is up
  in_use = 11,    // ports are attached to the fan's bridge
  reverted = 12,  // only `try`: nobody confirmed, and the host is as it was
  warnings = 13,  // only `doctor`: something may go wrong
  problems = 14,  // only `doctor`: something is wrong
  refused = 15,   // only `trace`: this host would refuse the packet
};

ExitStatus status_of(ErrorClass kind);

// The word for an error's class in JSON: "usage", "host-state", "privilege", "kernel", "busy", "not-found", "in-use",
// "partial".
std::string_view word_for(ErrorClass kind);

} // namespace fan::cli
