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
// errno ENOENT: it is off, and was not to be; EEXIST: the other way round.
Result<void> change_querier(Socket& socket, const Querier& before, const Querier& after);
// The kernel's own values again: it snoops, and is no querier. Also on a bridge that lost our sign: a record has
// claimed it, as it claims an address.
Result<void> remove_querier(Socket& socket, const Querier& querier);

} // namespace fan::netlink
