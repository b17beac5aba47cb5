// What ports were set to before somebody asked for otherwise, and shall be again. Pure.
#pragma once

#include "core/diff.h"
#include "core/facts.h"
#include "core/object.h"

namespace fan {

// What routed ports were set to before, where `after` no longer wants what `before` did: as nothing else in the kernel
// remembers it. Only of devices that are still there. What somebody else had set on a port stays as it is.
ObjectSet restored_ports(const ObjectSet& before, const ObjectSet& after, const Facts& facts);

// The same of devices that `after` knows nothing of, such as one that got another name or a master since. What tells
// them is the guard, which stays on the device whatever becomes of that.
ObjectSet restored_by_guards(const ObservedSet& observed, const ObjectSet& after, const Facts& facts);

} // namespace fan
