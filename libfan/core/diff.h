// Desired minus observed: the changes that make the host match. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/object.h"
#include "core/result.h"

namespace fan {

// The plan, in the order of application: first what is created or changed, by rank, then what is removed, by falling
// rank, so that a fan that moves from one tunnel to another has the new one before it loses the old one; elements of a
// set that another one needs the room of go with the one that comes. `claimed` are the objects that the recorded fans
// consist of: an object that is no longer desired is removed only when it is claimed or bears our own sign. Something
// foreign in the place of a desired object is an error (class host_state), never changed.
Result<std::vector<Change>> diff(const ObjectSet& desired, const ObservedSet& observed, const ObjectSet& claimed);

// What a device of ours is called, and what the kernel takes other things along with when it changes.
struct DeviceState {
  std::string name;
  Mac mac;
  std::uint32_t mtu = 0;
};
// Nothing for an object that is no device in itself.
std::optional<DeviceState> device_state(const Object& object);

// True for kinds that carry our sign in the kernel, so that a foreign object under the same key can be told.
bool bears_sign(const Object& object);

} // namespace fan
