// Echo requests of many containers, each in a network namespace of its own, with and without one that floods
// broadcasts.
#pragma once

#include <functional>

#include "bridge/stage.h"

namespace fan::bench {

struct Pings {
  double idle = 0;    // 99th percentile of the round trip, ns
  double flooded = 0; // the same while one container sends broadcasts as fast as it can
};

// The containers' ports are c1, c2, ... of the stage's bridge; `prepare` is called once they are there.
Pings pings_under_broadcasts(const Stage& stage, unsigned containers, const std::function<void()>& prepare);

} // namespace fan::bench
