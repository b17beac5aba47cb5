// The worlds that the contract runs in: the kernel, in a network namespace of the test's own, and the memory of
// tests/support. A test asks a world for a provider and for what somebody else did, and may not know which world it is.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "core/object.h"
#include "engine/provider.h"

namespace fan::test {

class World {
public:
  virtual ~World() = default;
  virtual Provider& provider() = 0;
  // There from the start: a device `eth0` that is up, 172.30.0.28/16 on it, and a default route over it.

  // A bridge of that name, made by somebody else.
  virtual void add_foreign_bridge(const std::string& name) = 0;
  // A device of that name, made by somebody else and attached to the bridge.
  virtual void add_port(const std::string& bridge, const std::string& name) = 0;
  // A route to there over eth0, made by somebody else.
  virtual void add_foreign_route(const Prefix& destination) = 0;
};

struct WorldKind {
  const char* name;
  std::unique_ptr<World> (*make)();
};
inline void PrintTo(const WorldKind& kind, std::ostream* out) {
  *out << kind.name;
}

std::unique_ptr<World> make_kernel_world();
std::unique_ptr<World> make_memory_world();

} // namespace fan::test
