#include "linux/netlink/routes.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include <fmt/format.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "linux/netlink/attributes.h"

namespace fan::netlink {
namespace {

// The next hops of RTA_MULTIPATH: of each an rtnexthop header, then its attributes. The first is the route's.
void read_hops(RouteEntry& route, const Attribute& multipath) {
  for (std::size_t at = 0; at + sizeof(rtnexthop) <= multipath.size();) {
    rtnexthop hop{};
    std::memcpy(&hop, multipath.data() + at, sizeof hop);
    if (hop.rtnh_len < sizeof hop) {
      return;
    }
    const auto ifindex = static_cast<std::uint32_t>(hop.rtnh_ifindex);
    const std::size_t end = std::min<std::size_t>(at + hop.rtnh_len, multipath.size());
    if (at > 0) {
      route.other_hops.push_back(ifindex);
    } else {
      route.ifindex = ifindex;
      route.via = Attributes(multipath.data() + sizeof hop, end - sizeof hop).v4(RTA_GATEWAY);
    }
    at += RTNH_ALIGN(hop.rtnh_len);
  }
}

// One that went in between is one without a device: so is the route by then.
Result<NextHop> next_hop_of(Socket& socket, std::uint32_t id) {
  Message message(RTM_GETNEXTHOP, 0);
  message.header(nhmsg{});
  message.u32(NHA_ID, id);
  NextHop hop;
  auto done = socket.query(message, [&hop](const nlmsghdr& answer) { hop = parse_next_hop(answer).value_or(hop); });
  if (!done && done.error().sys_errno != ENOENT) {
    return std::move(done).error().within("ask for a next hop");
  }
  return hop;
}

// With net.ipv4.nexthop_compat_mode=0 the kernel gives a route's next hops by their object's id alone.
Result<void> resolve_next_hops(Socket& socket, RouteEntry& route) {
  if (route.next_hop_id == 0) {
    return {};
  }
  Result<NextHop> hop = next_hop_of(socket, route.next_hop_id);
  if (!hop) {
    return std::move(hop).error();
  }
  route.ifindex = hop->ifindex;
  route.via = hop->via;
  for (const std::uint32_t id : hop->members) {
    const Result<NextHop> member = next_hop_of(socket, id);
    if (!member) {
      return member.error();
    }
    if (route.ifindex != 0) {
      route.other_hops.push_back(member->ifindex);
    } else {
      route.ifindex = member->ifindex;
      route.via = member->via;
    }
  }
  return {};
}

bool is_for_traffic(const RouteEntry& route) {
  return route.type != RTN_LOCAL && route.type != RTN_BROADCAST && route.type != RTN_MULTICAST &&
         route.type != RTN_ANYCAST;
}

Message dump_message(const RouteFilter& filter) {
  Message message(RTM_GETROUTE, NLM_F_DUMP);
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_protocol = filter.protocol;
  message.header(header);
  if (filter.table != 0) {
    message.u32(RTA_TABLE, filter.table);
  }
  return message;
}

bool passes(const RouteFilter& filter, const RouteEntry& route) {
  return !route.learned && (filter.table == 0 || filter.table == route.table) &&
         (filter.protocol == 0 || filter.protocol == route.protocol);
}

} // namespace

std::optional<RouteEntry> parse_route(const nlmsghdr& message) {
  const auto* header = header_of<rtmsg>(message);
  if (message.nlmsg_type != RTM_NEWROUTE || header == nullptr || header->rtm_family != AF_INET ||
      header->rtm_dst_len > 32) {
    return std::nullopt;
  }
  const Attributes attributes = Attributes::of(message, sizeof(rtmsg));
  RouteEntry route;
  route.destination = Prefix::of(attributes.v4(RTA_DST).value_or(Address()), header->rtm_dst_len);
  route.table = attributes.u32(RTA_TABLE).value_or(header->rtm_table);
  route.protocol = header->rtm_protocol;
  route.type = header->rtm_type;
  route.tos = header->rtm_tos;
  route.metric = attributes.u32(RTA_PRIORITY).value_or(0);
  route.ifindex = attributes.u32(RTA_OIF).value_or(0);
  route.via = attributes.v4(RTA_GATEWAY);
  route.source = attributes.v4(RTA_PREFSRC).value_or(Address());
  route.mtu = attributes.nest(RTA_METRICS).u32(RTAX_MTU).value_or(0);
  route.learned = (header->rtm_flags & RTM_F_CLONED) != 0;
  if (const auto multipath = attributes.get(RTA_MULTIPATH)) {
    read_hops(route, *multipath);
  }
  if (route.ifindex == 0) {
    route.next_hop_id = attributes.u32(RTA_NH_ID).value_or(0);
  }
  return route;
}

std::optional<NextHop> parse_next_hop(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWNEXTHOP || header_of<nhmsg>(message) == nullptr) {
    return std::nullopt;
  }
  const Attributes attributes = Attributes::of(message, sizeof(nhmsg));
  NextHop hop{attributes.u32(NHA_OIF).value_or(0), attributes.v4(NHA_GATEWAY), {}};
  if (const auto group = attributes.get(NHA_GROUP)) {
    for (std::size_t at = 0; at + sizeof(nexthop_grp) <= group->size(); at += sizeof(nexthop_grp)) {
      nexthop_grp member{};
      std::memcpy(&member, group->data() + at, sizeof member);
      hop.members.push_back(member.id);
    }
  }
  return hop;
}

Result<void> walk_routes(Socket& socket, const RouteFilter& filter,
                         const std::function<bool(const RouteEntry&)>& visit) {
  Message message = dump_message(filter);
  const DumpReader reader{[] {},
                          [&](const nlmsghdr& one) {
                            const auto route = parse_route(one);
                            return !route || !passes(filter, *route) || visit(*route);
                          }};
  auto done = socket.dump(message, reader);
  // ENOENT: the kernel filters by table and there is no such table, so there are no routes in it.
  if (!done && done.error().sys_errno != ENOENT) {
    return std::move(done).error().within("list the routes");
  }
  return {};
}

const char* route_type_word(std::uint8_t route_type) {
  switch (route_type) {
  case RTN_BLACKHOLE:
    return "blackhole";
  case RTN_UNREACHABLE:
    return "unreachable";
  case RTN_PROHIBIT:
    return "prohibit";
  case RTN_THROW:
    return "throw";
  default:
    return "unicast";
  }
}

std::string text_of(const RouteEntry& route, const std::vector<Link>& links) {
  const std::string word = route_type_word(route.type);
  std::string text =
      (word == "unicast" ? "" : word + " ") + (route.destination.length() == 0 ? "default" : route.destination.str());
  if (route.via) {
    text += " via " + route.via->str();
  }
  if (route.ifindex != 0) {
    text += " dev " + name_of(links, route.ifindex);
  }
  return route.table == RT_TABLE_MAIN ? text : fmt::format("{} table {}", text, route.table);
}

Result<std::vector<RouteEntry>> routes_for(Socket& socket, const std::set<Prefix>& destinations) {
  // A list that is read again repeats itself.
  std::map<Prefix, std::vector<RouteEntry>> by_destination;
  auto ours = walk_routes(socket, {RT_TABLE_MAIN, route_protocol}, [&](const RouteEntry& route) {
    std::vector<RouteEntry>& routes = by_destination[route.destination];
    if (std::find(routes.begin(), routes.end(), route) == routes.end()) {
      routes.push_back(route);
    }
    return true;
  });
  std::vector<RouteEntry> found;
  std::set<Prefix> open = destinations;
  for (auto& [destination, routes] : by_destination) {
    routes.front().only = routes.size() == 1 && routes.front().metric == 0;
    found.push_back(std::move(routes.front()));
    open.erase(destination);
  }
  if (!ours || open.empty()) {
    return ours ? Result(std::move(found)) : std::move(ours).error();
  }
  auto others = walk_routes(socket, {RT_TABLE_MAIN, 0}, [&](const RouteEntry& route) {
    if (open.erase(route.destination) != 0) {
      found.push_back(route);
    }
    return true;
  });
  return others ? Result(std::move(found)) : std::move(others).error();
}

Result<std::set<ConnectedNetwork>> unconnected(Socket& socket, std::set<ConnectedNetwork> networks) {
  for (const std::uint8_t protocol : {std::uint8_t{RTPROT_KERNEL}, std::uint8_t{RTPROT_UNSPEC}}) {
    auto done = walk_routes(socket, {RT_TABLE_MAIN, protocol}, [&](const RouteEntry& route) {
      networks.erase({route.destination, route.ifindex});
      return !networks.empty();
    });
    if (!done) {
      return std::move(done).error();
    }
    if (networks.empty()) {
      break;
    }
  }
  return networks;
}

Result<std::optional<RouteEntry>> default_route(Socket& socket) {
  std::optional<RouteEntry> best;
  auto done = walk_routes(socket, {RT_TABLE_MAIN, 0}, [&best](const RouteEntry& route) {
    if (route.destination.length() == 0 && route.type == RTN_UNICAST && (!best || route.metric < best->metric)) {
      best = route;
    }
    // The kernel walks its trie in ascending order of addresses (fib_table_dump in net/ipv4/fib_trie.c, leaf_walk_rcu),
    // so all default routes come first, and a table of 500,000 routes is not read for the sake of one.
    return route.destination.network() == Address();
  });
  if (done && best) {
    done = resolve_next_hops(socket, *best);
  }
  if (!done) {
    return std::move(done).error();
  }
  return best;
}

Result<std::optional<RouteEntry>> find_overlapping(Socket& socket, const Prefix& overlay,
                                                   const std::set<std::uint32_t>& our_devices) {
  std::optional<RouteEntry> found;
  auto done = walk_routes(socket, {}, [&](const RouteEntry& route) {
    const bool ours = route.protocol == route_protocol || our_devices.count(route.ifindex) != 0;
    // A length of 1 is half a default route: VPNs set two of them. Like the default route it is what the overlay is an
    // exception to.
    if (route.table != RT_TABLE_LOCAL && route.destination.length() > 1 && is_for_traffic(route) && !ours &&
        overlay.overlaps(route.destination)) {
      found = route;
    }
    return !found;
  });
  if (done && found) {
    done = resolve_next_hops(socket, *found);
  }
  if (!done) {
    return std::move(done).error();
  }
  return found;
}

Result<std::vector<RouteEntry>> find_inside(Socket& socket, const Prefix& overlay,
                                            const std::set<std::uint32_t>& our_devices, std::size_t most) {
  std::vector<RouteEntry> found;
  auto done = walk_routes(socket, {}, [&](const RouteEntry& route) {
    const bool ours = route.protocol == route_protocol || our_devices.count(route.ifindex) != 0;
    const bool part = overlay.contains(route.destination) && route.destination.length() >= overlay.length();
    if (route.table != RT_TABLE_LOCAL && part && is_for_traffic(route) && !ours) {
      found.push_back(route);
    }
    return found.size() < most;
  });
  for (std::size_t n = 0; done && n < found.size(); ++n) {
    done = resolve_next_hops(socket, found[n]);
  }
  if (!done) {
    return std::move(done).error();
  }
  return found;
}

} // namespace fan::netlink
