// What the kernel itself would do with a packet into the underlay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/address.h"
#include "core/result.h"
#include "linux/netlink/look.h"
#include "linux/netlink/routes.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// The kernel's words for a packet that it sends nowhere: no route, unreachable, prohibit, and EINVAL, a blackhole, each
// of a route or of a rule.
bool is_no_route(const Error& error);

struct RouteLookup {
  Address destination;
  std::optional<Address> source;
  std::uint32_t out = 0;  // ifindex of the device to leave by, 0 for any
  std::uint32_t in = 0;   // of the device that the packet came by, 0: this host sends it
  bool as_stored = false; // the route as it stands in its table, without what was learned about single destinations
  std::uint32_t mark = 0;
};
// nullopt: the kernel has no route for it, or one that sends nowhere.
Result<std::optional<RouteEntry>> look_up_route(Socket& socket, const RouteLookup& lookup);

// The smaller of the device's MTU and that of the route which a packet from `source` into `underlay` takes, in bytes.
// No route there: the device's MTU. ENODEV: no such device.
Result<std::uint32_t> path_mtu(Socket& socket, Look& look, const Prefix& underlay, Address source,
                               const std::string& device);

// The kernel's own choice of source address into `underlay` over `device`. nullopt: no route leads there.
Result<std::optional<Address>> preferred_source(Socket& socket, Look& look, const Prefix& underlay,
                                                const std::string& device);

// The ifindex of the device by which the kernel sends a packet of this mark into `underlay`, whatever the source.
// nullopt: no route there.
Result<std::optional<std::uint32_t>> device_into(Socket& socket, const Prefix& underlay, std::uint32_t mark);

} // namespace fan::netlink
