// Multicast snooping and the querier of a bridge of ours. With both, groups and so IPv6 neighbour solicitations go to
// the ports that asked for them.
#pragma once

#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// Nothing is lost on a live bridge: until the querier has heard the listeners, the bridge goes on sending to every
// port. errno EEXIST: it is on already.
Result<void> add_querier(Socket& socket, const Querier& querier);
// errno ENOENT: it is off.
Result<void> change_querier(Socket& socket, const Querier& after);
// The kernel's own values again: it snoops, and is no querier.
Result<void> remove_querier(Socket& socket, const Querier& querier);

} // namespace fan::netlink
