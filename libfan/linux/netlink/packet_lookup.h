// What the kernel would do with one packet: its route, the neighbour it goes to, the port of a bridge. Answers to
// single questions, no dumps. Reads only.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "engine/packet_view.h"
#include "linux/netlink/routes.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// For a packet that comes in by a device the kernel judges the source, too: rp_filter (EXDEV), martians (EINVAL).
Result<RouteAnswer> packet_route(Socket& socket, const RouteQuestion& question);
// The route as it stands in its table. Errors as above, and ENODEV.
Result<std::optional<RouteEntry>> stored_route(Socket& socket, const RouteQuestion& question);
Result<NeighbourAnswer> packet_neighbour(Socket& socket, const std::string& device, Address address);
Result<std::string> bridge_port(Socket& socket, const std::string& bridge, const Mac& mac);

} // namespace fan::netlink
