#include "linux/netlink/route_lookup.h"

#include <algorithm>
#include <cerrno>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

// An address of the underlay that is not this host's own: the way to oneself leads over `lo`.
Result<Address> probe_address(Socket& socket, Look& look, const Prefix& underlay) {
  const auto own = look.addresses(socket);
  if (!own) {
    return own.error();
  }
  const std::uint32_t last = underlay.broadcast().v4() - underlay.network().v4();
  for (std::uint32_t n = 1; n < last; ++n) {
    if ((*own)->count(underlay.at(n)) == 0) {
      return underlay.at(n);
    }
  }
  return underlay.network();
}

} // namespace

bool is_no_route(const Error& error) {
  return error.sys_errno == ENETUNREACH || error.sys_errno == EHOSTUNREACH || error.sys_errno == EACCES ||
         error.sys_errno == EINVAL;
}

Result<std::optional<RouteEntry>> look_up_route(Socket& socket, const RouteLookup& lookup) {
  Message message(RTM_GETROUTE, 0);
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 32;
  header.rtm_src_len = lookup.source ? 32 : 0;
  header.rtm_flags = RTM_F_LOOKUP_TABLE | (lookup.as_stored ? RTM_F_FIB_MATCH : 0U);
  message.header(header).v4(RTA_DST, lookup.destination).u32(RTA_OIF, lookup.out);
  if (lookup.source) {
    message.v4(RTA_SRC, *lookup.source);
  }
  if (lookup.in != 0) {
    message.u32(RTA_IIF, lookup.in);
  }
  if (lookup.mark != 0) {
    message.u32(RTA_MARK, lookup.mark);
  }
  std::optional<RouteEntry> found;
  auto done = socket.query(message, [&found](const nlmsghdr& one) { found = parse_route(one); });
  if (!done && !is_no_route(done.error())) {
    return std::move(done).error().within("look up the route to " + lookup.destination.str());
  }
  return found;
}

Result<std::uint32_t> path_mtu(Socket& socket, Look& look, const Prefix& underlay, Address source,
                               const std::string& device) {
  const auto link = require_link(socket, device);
  if (!link) {
    return link.error();
  }
  const auto probe = probe_address(socket, look, underlay);
  if (!probe) {
    return probe.error();
  }
  const auto route = look_up_route(socket, {*probe, source, link->fact.ifindex, 0, true});
  if (!route) {
    return route.error();
  }
  const std::uint32_t route_mtu = *route ? (*route)->mtu : 0;
  return route_mtu == 0 ? link->fact.mtu : std::min(link->fact.mtu, route_mtu);
}

Result<std::optional<Address>> preferred_source(Socket& socket, Look& look, const Prefix& underlay,
                                                const std::string& device) {
  const auto link = require_link(socket, device);
  if (!link) {
    return link.error();
  }
  const auto probe = probe_address(socket, look, underlay);
  if (!probe) {
    return probe.error();
  }
  // Given a device and no route, the kernel assumes that everything is on that link (ip_route_output_key_hash_rcu). So
  // first: is there a route at all? Then: which source would be used, which a stored route says only when it was set by
  // hand.
  const auto stored = look_up_route(socket, {*probe, std::nullopt, link->fact.ifindex, 0, true});
  if (!stored) {
    return stored.error();
  }
  const auto used = *stored ? look_up_route(socket, {*probe, std::nullopt, link->fact.ifindex}) : stored;
  if (!used) {
    return used.error();
  }
  const bool known = *used && (*used)->source != Address();
  return known ? std::optional((*used)->source) : std::optional<Address>();
}

Result<std::optional<std::uint32_t>> device_into(Socket& socket, const Prefix& underlay, std::uint32_t mark) {
  Look look;
  const auto probe = probe_address(socket, look, underlay);
  if (!probe) {
    return probe.error();
  }
  const auto route = look_up_route(socket, {.destination = *probe, .mark = mark});
  if (!route) {
    return route.error();
  }
  return *route ? std::optional((*route)->ifindex) : std::optional<std::uint32_t>();
}

} // namespace fan::netlink
