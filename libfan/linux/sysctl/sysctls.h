// Kernel settings under /proc/sys, of the network namespace that the calling thread is in. Keys have slashes, because
// device names may hold dots: "net/ipv4/conf/eth0.10/forwarding". Never reaches outside /proc/sys.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "core/object.h"
#include "core/result.h"

namespace fan::sysctl {

// The value without its newline. nullopt: there is no such setting, for example because its device is gone.
Result<std::optional<std::string>> read(const std::string& key);

// Host_state, ENOENT: no such setting. Privilege: EACCES, EPERM, EROFS. Kernel: it refused the value.
Result<void> write(const std::string& key, const std::string& value);

// Those of `keys` that exist. A sysctl bears no sign, so none is `ours`.
Result<ObservedSet> observe(const std::set<std::string>& keys);

// Writes `after`. A removal does nothing: a setting cannot be removed, and it goes with its device; what outlives us is
// put back by a change to the old value instead.
Result<void> apply(const Change& change);

} // namespace fan::sysctl
