// Echo requests of many containers, each in a network namespace of its own, with and without one that floods
// broadcasts.
#pragma once

#include <memory>

#include "bridge/stage.h"

namespace fan::bench {

// The 99th percentiles of round trips in ns: with nothing else to do, while a program counts on that CPU, which is what
// a busy neighbour costs whatever he does, and while one container sends broadcasts there as fast as it can.
struct Pings {
  double idle = 0;
  double busy = 0;
  double flooded = 0;
};

// Who is beside the pings on their CPU, or on another one.
enum class Neighbourhood { same_cpu, other_cpu };

// The containers' ports are c1, c2, ... of the stage's bridge.
class PingStage {
public:
  PingStage(Stage& stage, unsigned containers);
  ~PingStage();
  PingStage(const PingStage&) = delete;
  PingStage& operator=(const PingStage&) = delete;

  // By turns, and the median of as many rounds.
  [[nodiscard]] Pings pings(Neighbourhood where, unsigned rounds) const;

private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

} // namespace fan::bench
