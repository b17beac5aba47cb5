// Who may send broadcasts on a fan's bridge, and who receives them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/fan_selection.h"
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

// As change_registry(). `who`: words as senders_of() takes them. Class host_state: on a bridge with a port behind which
// no endpoint is registered `reset` would cut that off from the others, unless options.force.
Result<Outcome> change_broadcast(Provider& provider, const std::optional<FanName>& name, BroadcastVerb verb,
                                 const std::vector<std::string>& who, const RequestOptions& options);

struct BroadcastStatus {
  std::string bridge;
  bool quiet = false;
  std::vector<Sender> allowed;
  bool selective = false;
  std::vector<std::string> receivers;
};
Result<std::vector<BroadcastStatus>> list_broadcast(Provider& provider, const std::optional<FanName>& name);

} // namespace fan
