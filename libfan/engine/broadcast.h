// Who may send broadcasts on a fan's bridge, and who receives them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/fan_selection.h"
#include "engine/host.h"
#include "engine/provider.h"
#include "engine/requests.h"

namespace fan {

enum class BroadcastVerb {
  off,       // broadcasts are copied to everybody, as a bridge does it
  reset,     // and then none is copied but from who is allowed: nobody yet
  allow,     // `who` may
  disallow,  // `who` may not
  receive,   // only `who`, and those named before, receive any
  receivers, // everybody receives them
};

// By what a bridge knows a container: MAC addresses, or ports. Class not_found: nobody has a container of that name.
using ContainerNames = std::function<Result<std::vector<std::string>>(const std::string& name)>;

// As change_registry(). `who`: words as senders_of() takes them, or names of containers, which `containers` knows.
// Class host_state: on a bridge with a port behind which no endpoint is registered `reset` would cut that off from the
// others, unless options.force.
Result<Outcome> change_broadcast(Provider& provider, const std::optional<FanName>& name, BroadcastVerb verb,
                                 const std::vector<std::string>& who, const ContainerNames& containers,
                                 const RequestOptions& options);

// Of the fan's bridge, as the registry says it of ports that are there.
BroadcastStatus broadcast_of(const Host& host, const Fan& fan);
// With `who`, as above: what holds for them, on the bridges that know them. Class not_found: none does.
Result<std::vector<BroadcastStatus>> list_broadcast(Provider& provider, const std::optional<FanName>& name,
                                                    const std::vector<std::string>& who,
                                                    const ContainerNames& containers);

} // namespace fan
