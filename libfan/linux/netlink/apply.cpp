// Network::apply: which request carries which change out.
#include <cerrno>

#include "linux/netlink/addresses.h"
#include "linux/netlink/error.h"
#include "linux/netlink/link_requests.h"
#include "linux/netlink/look.h"
#include "linux/netlink/neighbours.h"
#include "linux/netlink/network.h"
#include "linux/netlink/port_changes.h"
#include "linux/netlink/querier.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

// Each overload takes one kind; absent `before` is a creation, absent `after` a removal.
Result<void> carry_out(Socket& socket, const Bridge* before, const Bridge* after) {
  if (after == nullptr) {
    return remove_device(socket, before->name);
  }
  return before == nullptr ? create_bridge(socket, *after) : change_bridge(socket, *before, *after);
}

Result<void> carry_out(Socket& socket, const Tunnel* before, const Tunnel* after) {
  if (after == nullptr) {
    return remove_device(socket, before->name);
  }
  return before == nullptr ? create_tunnel(socket, *after) : change_tunnel(socket, *before, *after);
}

Result<void> carry_out(Socket& socket, const InterfaceAddress* before, const InterfaceAddress* after) {
  if (after == nullptr) {
    return remove_address(socket, *before);
  }
  return before == nullptr ? add_address(socket, *after) : change_address(socket, *before, *after);
}

Result<void> carry_out(Socket& socket, const LinkUp* before, const LinkUp* after) {
  if (before != nullptr && after != nullptr) {
    return error_from(EINVAL, "").within("a link's being up has nothing to change");
  }
  return set_up(socket, after == nullptr ? before->device : after->device, after != nullptr);
}

Result<void> carry_out(Socket& socket, const Querier* before, const Querier* after) {
  if (after == nullptr) {
    return remove_querier(socket, *before);
  }
  return before == nullptr ? add_querier(socket, *after) : change_querier(socket, *before, *after);
}

Result<void> carry_out(Socket& socket, const Neighbour* before, const Neighbour* after) {
  if (after == nullptr) {
    return remove_neighbour(socket, *before);
  }
  return before == nullptr ? add_neighbour(socket, *after) : change_neighbour(socket, *after);
}

Result<void> carry_out(Socket& socket, const Route* before, const Route* after) {
  if (after == nullptr) {
    return remove_route(socket, *before);
  }
  return before == nullptr ? add_route(socket, *after) : change_route(socket, *before, *after);
}

template <class Kind>
const Kind* as(const std::optional<Object>& object) {
  return object ? std::get_if<Kind>(&*object) : nullptr;
}

// Tries the kinds one after the other.
template <class First, class... Rest>
Result<void> dispatch(Socket& socket, const Change& change) {
  if (std::holds_alternative<First>(change.object())) {
    return carry_out(socket, as<First>(change.before), as<First>(change.after));
  }
  if constexpr (sizeof...(Rest) > 0) {
    return dispatch<Rest...>(socket, change);
  } else {
    return error_from(EINVAL, "").within(key_of(change.object()) + " is no network object");
  }
}

} // namespace

Result<void> Network::apply(std::span<const Change> changes) {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  std::unique_ptr<Look> last = take_last_look();
  if (is_port_object(changes.front().object())) {
    return change_ports(*socket, *last, changes);
  }
  return dispatch<Bridge, Tunnel, InterfaceAddress, LinkUp, Querier, Neighbour, Route>(*socket, changes.front());
}

} // namespace fan::netlink
