// IPv4 routes. Written by libnl-route; read from raw attributes, because libnl 3.7 gives up on a whole list that holds
// one route with `encap bpf` or `encap ip` (LWTUNNEL), and because a host may have 500,000 of them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/link.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

struct RouteEntry {
  Prefix destination;
  std::uint32_t table = 0;               // RT_TABLE_…
  std::uint8_t protocol = 0;             // RTPROT_…
  std::uint8_t type = 0;                 // RTN_…
  std::uint8_t tos = 0;                  // which packets it is for, 0: all
  std::uint32_t metric = 0;              // RTA_PRIORITY, lower wins
  std::uint32_t ifindex = 0;             // of the first next hop; 0 for none
  std::uint32_t next_hop_id = 0;         // of the object that its next hops are in, where the route itself names none
  std::optional<Address> via;            // of the first next hop
  std::vector<std::uint32_t> other_hops; // ifindexes of the others
  Address source;                        // preferred source, unspecified for none
  std::uint32_t mtu = 0;                 // RTAX_MTU, 0 for none
  bool learned = false;                  // an answer for one destination or a cached exception: in no table
  bool only = true;                      // of routes_for(): the one with our protocol, of metric 0
  auto operator<=>(const RouteEntry&) const = default;
};

// Nothing for anything that is not a whole IPv4 route or the answer to a lookup.
std::optional<RouteEntry> parse_route(const nlmsghdr& message);

// What RTM_GETNEXTHOP says of one object: a next hop, or the ids of those of a group.
struct NextHop {
  std::uint32_t ifindex = 0;
  std::optional<Address> via;
  std::vector<std::uint32_t> members;
};
// Nothing for a message that is none of a next hop.
std::optional<NextHop> parse_next_hop(const nlmsghdr& message);

// Which part of the routing tables a dump is about; 0 is all. The kernel filters (4.20), and the reader again.
struct RouteFilter {
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
};
// Streams: constant memory. `visit` returns false to end. May start again after an interruption (Socket::dump).
Result<void> walk_routes(Socket& socket, const RouteFilter& filter,
                         const std::function<bool(const RouteEntry&)>& visit);

// As `ip route` writes RTN_*: "blackhole", "unreachable", "prohibit", "throw"; "unicast" for any other.
const char* route_type_word(std::uint8_t route_type);

// As `ip route` writes it: "10.8.0.0/16 via 10.0.0.1 dev tun0 table 100".
std::string text_of(const RouteEntry& route, const std::vector<Link>& links);

// Routes of the main table that carry our protocol number, of several to one destination the first, and those to
// exactly one of `destinations`, whoever made them. The whole table is read only when a destination has no route of
// ours.
Result<std::vector<RouteEntry>> routes_for(Socket& socket, const std::set<Prefix>& destinations);

// The default route with the lowest metric in the main table. nullopt: none.
Result<std::optional<RouteEntry>> default_route(Socket& socket);

// Any route outside the table `local`, to something other than 0.0.0.0/0, that overlaps `overlay` and is not ours:
// neither of our protocol nor out of one of `our_devices` (ifindexes). Blackhole, unreachable and prohibit count too:
// somebody has a use for these addresses.
Result<std::optional<RouteEntry>> find_overlapping(Socket& socket, const Prefix& overlay,
                                                   const std::set<std::uint32_t>& our_devices);

// The first `most` routes to a part or the whole of `overlay`, in any table but `local`, that are not ours, as above.
Result<std::vector<RouteEntry>> find_inside(Socket& socket, const Prefix& overlay,
                                            const std::set<std::uint32_t>& our_devices, std::size_t most);

// A network on a device.
struct ConnectedNetwork {
  Prefix network;
  std::uint32_t ifindex = 0;
  auto operator<=>(const ConnectedNetwork&) const = default;
};
// Those of `networks` that no route of the main table leads to by that device, whoever made it. The whole table is read
// only when the kernel has not made one for each.
Result<std::set<ConnectedNetwork>> unconnected(Socket& socket, std::set<ConnectedNetwork> networks);

// The route as the kernel makes it with an address. EEXIST: there is another to that network.
Result<void> connect_network(Socket& socket, const ConnectedNetwork& network, Address source);
// ESRCH: it is gone.
Result<void> disconnect_network(Socket& socket, const ConnectedNetwork& network);

// EEXIST: there is a route to this destination with metric 0.
Result<void> add_route(Socket& socket, const Route& route);
// Replaced in one step; a second one of ours (Route::only) goes then. ESRCH: there is none of ours. EEXIST: another's
// stands before it.
Result<void> change_route(Socket& socket, const Route& before, const Route& after);
// Only a route of our protocol, and a second one where `route` has it; ESRCH: it is gone.
Result<void> remove_route(Socket& socket, const Route& route);

} // namespace fan::netlink
