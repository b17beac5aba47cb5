// Adding, replacing and removing our routes: the writing half of routes.h.
#include "linux/netlink/routes.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "linux/netlink/encode.h"
#include "linux/netlink/error.h"
#include "linux/netlink/link.h"

namespace fan::netlink {
namespace {

struct PutRoute {
  void operator()(rtnl_route* route) const { rtnl_route_put(route); }
};
using RouteObject = std::unique_ptr<rtnl_route, PutRoute>;

// Owned by the route once it is added; nullptr when memory is short.
rtnl_nexthop* encode_hop(const Route& route, std::uint32_t ifindex) {
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  const EncodedAddress via = encode_v4(route.via);
  if (hop == nullptr || !via) {
    return nullptr;
  }
  rtnl_route_nh_set_ifindex(hop, static_cast<int>(ifindex));
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
  return hop;
}

RouteObject encode(const Route& route, std::uint32_t ifindex) {
  RouteObject object(rtnl_route_alloc());
  const EncodedAddress destination = encode_v4(route.destination.network(), route.destination.length());
  const EncodedAddress source = encode_v4(route.source);
  rtnl_nexthop* hop = encode_hop(route, ifindex);
  if (!object || !destination || !source || hop == nullptr) {
    return nullptr;
  }
  rtnl_route_add_nexthop(object.get(), hop);
  rtnl_route_set_dst(object.get(), destination.get());
  rtnl_route_set_pref_src(object.get(), source.get());
  rtnl_route_set_table(object.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(object.get(), route_protocol);
  rtnl_route_set_scope(object.get(), RT_SCOPE_UNIVERSE);
  rtnl_route_set_metric(object.get(), RTAX_MTU, route.mtu);
  return object;
}

Result<void> put(Socket& socket, const Route& route, int flags) {
  auto link = require_link(socket, route.device);
  if (!link) {
    return std::move(link).error();
  }
  const RouteObject object = encode(route, link->fact.ifindex);
  nl_msg* built = nullptr;
  if (object) {
    rtnl_route_build_add_request(object.get(), flags, &built);
  }
  Message message(built);
  return socket.request(message);
}

// The kernel would replace the first route to this destination with our metric, whoever made it.
Result<void> require_own_route_first(Socket& socket, const Prefix& destination) {
  std::optional<RouteEntry> first;
  auto done = walk_routes(socket, {RT_TABLE_MAIN, 0}, [&](const RouteEntry& route) {
    if (route.destination == destination && route.metric == 0 && route.tos == 0) {
      first = route;
    }
    return !first && route.destination.network() <= destination.network(); // they come in this order: default_route()
  });
  if (!done) {
    return done;
  }
  if (!first) {
    return error_from(ESRCH, "");
  }
  if (first->protocol != route_protocol) {
    Error error = error_from(EEXIST, "another's route stands before fanctl's");
    error.kind = ErrorClass::host_state;
    error.hint = fmt::format("`ip route show exact {0}` lists both; if nobody needs the other, remove it: ip route del "
                             "{0} proto {1}",
                             destination.str(), first->protocol);
    return error;
  }
  return {};
}

bool is(const RouteEntry& entry, const Route& route, std::uint32_t ifindex) {
  return entry.metric == 0 && entry.tos == 0 && entry.ifindex == ifindex && entry.via == route.via &&
         entry.other_hops.empty();
}

// Exactly this one: the kernel takes what is not said for any.
Result<void> remove_entry(Socket& socket, const RouteEntry& entry) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = static_cast<unsigned char>(entry.destination.length());
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = route_protocol;
  header.rtm_tos = entry.tos;
  header.rtm_type = entry.type;
  header.rtm_scope = RT_SCOPE_NOWHERE; // any
  Message message(RTM_DELROUTE, 0);
  message.header(header).v4(RTA_DST, entry.destination.network()).u32(RTA_PRIORITY, entry.metric);
  if (entry.other_hops.empty() && entry.ifindex != 0) {
    message.u32(RTA_OIF, entry.ifindex);
  }
  if (entry.other_hops.empty() && entry.via) {
    message.v4(RTA_GATEWAY, *entry.via);
  }
  return socket.request(message);
}

// Those of ours to this destination, but for `kept`, which is on the device `ifindex`.
Result<void> remove_others(Socket& socket, const Prefix& destination, const Route* kept, std::uint32_t ifindex) {
  std::vector<RouteEntry> others;
  auto done = walk_routes(socket, {RT_TABLE_MAIN, route_protocol}, [&](const RouteEntry& route) {
    if (route.destination == destination && !(kept != nullptr && is(route, *kept, ifindex)) &&
        std::find(others.begin(), others.end(), route) == others.end()) {
      others.push_back(route);
    }
    return true;
  });
  for (std::size_t n = 0; done && n < others.size(); ++n) {
    done = remove_entry(socket, others[n]);
  }
  return done;
}

// There is more than one of ours, or its metric is another than ours. The one that shall be comes first, so that there
// always is one; EEXIST: it is there, behind one that goes.
Result<void> make_only(Socket& socket, const Route& route) {
  auto link = require_link(socket, route.device);
  if (!link) {
    return std::move(link).error();
  }
  auto done = put(socket, route, NLM_F_CREATE | NLM_F_REPLACE);
  return done || done.error().sys_errno == EEXIST ? remove_others(socket, route.destination, &route, link->fact.ifindex)
                                                  : std::move(done);
}

// The kernel's own route to a network on a device.
Message connected_route(std::uint16_t type, int flags, const ConnectedNetwork& network) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = static_cast<unsigned char>(network.network.length());
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_KERNEL;
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  Message message(type, flags);
  message.header(header).v4(RTA_DST, network.network.network()).u32(RTA_OIF, network.ifindex);
  return message;
}

} // namespace

Result<void> connect_network(Socket& socket, const ConnectedNetwork& network, Address source) {
  Message message = connected_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, network);
  auto done = socket.request(message.v4(RTA_PREFSRC, source));
  return done ? std::move(done) : std::move(done).error().within("add route " + network.network.str());
}

Result<void> disconnect_network(Socket& socket, const ConnectedNetwork& network) {
  Message message = connected_route(RTM_DELROUTE, 0, network);
  auto done = socket.request(message);
  return done ? std::move(done) : std::move(done).error().within("remove route " + network.network.str());
}

Result<void> add_route(Socket& socket, const Route& route) {
  auto done = put(socket, route, NLM_F_CREATE | NLM_F_EXCL);
  return done ? std::move(done) : std::move(done).error().within("add route " + route.destination.str());
}

Result<void> change_route(Socket& socket, const Route& before, const Route& after) {
  auto done = require_own_route_first(socket, before.destination);
  if (!before.only && (done || done.error().sys_errno == ESRCH)) {
    done = make_only(socket, after);
  } else if (done) {
    done = put(socket, after, NLM_F_REPLACE);
  }
  return done ? std::move(done) : std::move(done).error().within("replace route " + after.destination.str());
}

Result<void> remove_route(Socket& socket, const Route& route) {
  if (!route.only) {
    auto done = remove_others(socket, route.destination, nullptr, 0);
    return done ? std::move(done) : std::move(done).error().within("remove route " + route.destination.str());
  }
  // By destination, table and protocol alone: that is how a route of ours is known, whatever device or gateway it has
  // by now.
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = static_cast<unsigned char>(route.destination.length());
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = route_protocol;
  header.rtm_scope = RT_SCOPE_NOWHERE; // any
  Message message(RTM_DELROUTE, 0);
  auto done = socket.request(message.header(header).v4(RTA_DST, route.destination.network()));
  return done ? std::move(done) : std::move(done).error().within("remove route " + route.destination.str());
}

} // namespace fan::netlink
