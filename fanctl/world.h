// What the commands need from outside: a host to look at and to change. main puts the kernel here, tests put memory
// here, so that a whole command line can be tested without root. Commands reach the outside in no other way.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/render.h"
#include "core/result.h"
#include "engine/provider.h"

namespace fan::cli {

// Packets that the programs counted since they were loaded.
struct TrafficCount {
  std::string direction; // "in", "out", "bridge"
  std::string reason;    // "accepted", or the name of the refusal
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0; // 0 where only packets are counted
};

// Somebody whose packets were refused. Sampled, so `packets` is a lower bound.
struct RefusedPeer {
  std::string direction;
  std::string reason;
  Address outer;             // outer source on the way in, outer destination on the way out; 0.0.0.0 unknown
  Address inner_source;      // of the last packet
  Address inner_destination; // of the last packet
  std::uint64_t packets = 0;
  std::uint64_t age_ms = 0; // since the last packet
};

class World {
public:
  virtual ~World() = default;

  // Opened at the first call; the pointer lives as long as the World.
  virtual Result<Provider*> provider() = 0;
  // Error of class privilege when this process cannot change network state, naming what is missing. Touches nothing.
  virtual Result<void> may_change() = 0;
  // Holds the lock of this network namespace until the World is destroyed. Class busy after `wait`.
  virtual Result<void> lock(std::chrono::milliseconds wait) = 0;
  virtual Result<std::vector<TrafficCount>> counters() = 0;
  virtual Result<std::vector<RefusedPeer>> refused() = 0;
  [[nodiscard]] virtual RenderContext render_context() const = 0;
};

} // namespace fan::cli
