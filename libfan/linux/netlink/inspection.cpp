#include "linux/netlink/inspection.h"

#include <algorithm>
#include <optional>
#include <set>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/record.h"
#include "linux/netlink/attributes.h"
#include "linux/netlink/link.h"
#include "linux/netlink/network.h"
#include "linux/netlink/policy_rules.h"
#include "linux/netlink/route_lookup.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

constexpr std::size_t routes_at_most = 8;
constexpr std::size_t routes_looked_at = 512; // a host may have a table of the world

RouteWords words_of(const RouteEntry& route, const std::vector<Link>& links) {
  RouteWords seen{route.destination, {route_type_word(route.type), route.destination.str()}};
  const auto add = [&seen](const char* word, const std::string& value) {
    seen.words.insert(seen.words.end(), {word, value});
  };
  if (route.via) {
    add("via", route.via->str());
  }
  if (route.ifindex != 0) {
    add("dev", name_of(links, route.ifindex));
  }
  add("table", std::to_string(route.table));
  add("metric", std::to_string(route.metric));
  return seen;
}

// The tables that packets of this host are looked up in; of a rule's conditions nothing is asked. Those of VRFs are not
// among them.
Result<std::set<std::uint32_t>> tables_of_rules(Socket& socket) {
  const auto rules = list_rules(socket);
  if (!rules) {
    return rules.error();
  }
  std::set<std::uint32_t> tables;
  for (const PolicyRule& rule : *rules) {
    if (rule.action == RuleAction::table) {
      tables.insert(rule.table);
    }
  }
  return tables;
}

// From whom a packet is: this host, by an address or by none; an endpoint, in by its bridge; or one of another host, in
// by the tunnel.
struct Sender {
  Address source;
  std::uint32_t in_device = 0;
  Prefix to = {}; // what else it sends is none of the fan's
};

// The route as it stands in its table. What the kernel does not say is taken for none.
std::optional<RouteEntry> look_up(Socket& socket, const Sender& from, Address destination) {
  const auto source = from.source == Address() ? std::nullopt : std::optional(from.source);
  const auto found = look_up_route(socket, {destination, source, 0, from.in_device, true});
  return found ? *found : std::nullopt;
}

std::vector<Sender> senders_of(const std::vector<AddressFact>& addresses, const std::vector<Link>& links,
                               const std::set<std::uint32_t>& tunnels, const Prefix& overlay) {
  std::vector<Sender> senders{{}};
  for (const AddressFact& own : addresses) {
    const bool bridge = std::any_of(links.begin(), links.end(), [&](const Link& link) {
      return link.fact.ifindex == own.ifindex && link.fact.kind == "bridge" && bears_our_sign(link.fact);
    });
    if (bridge && overlay.contains(own.address)) {
      const Prefix slice = Prefix::of(own.address, own.prefix_length);
      senders.push_back({own.address, 0});
      senders.push_back({Address(slice.broadcast().v4() - 1), own.ifindex});
      const Address first = overlay.at(1);
      const Address peer = slice.contains(first) ? Address(overlay.broadcast().v4() - 1) : first;
      for (const std::uint32_t tunnel : tunnels) {
        senders.push_back({peer, tunnel, slice});
      }
    }
  }
  return senders;
}

// Of several to one destination.
bool is_same(const RouteEntry& a, const RouteEntry& b) {
  return a.destination == b.destination && a.table == b.table && a.metric == b.metric && a.protocol == b.protocol &&
         a.ifindex == b.ifindex && a.via == b.via;
}

// Whether a packet to an address of `route` takes it, or is kept by it from the fan's own route.
bool takes_away(Socket& socket, const RouteEntry& route, const std::vector<Sender>& senders,
                const std::set<std::uint32_t>& ours) {
  const std::uint32_t last = route.destination.broadcast().v4() - route.destination.network().v4();
  const std::set<std::uint32_t> places{last > 1 ? 1U : 0U, last / 2, last > 1 ? last - 1 : last};
  return std::any_of(senders.begin(), senders.end(), [&](const Sender& from) {
    return from.to.overlaps(route.destination) && std::any_of(places.begin(), places.end(), [&](std::uint32_t place) {
             const auto used = look_up(socket, from, route.destination.at(place));
             const bool this_one = used && is_same(*used, route);
             return this_one || (route.type != RTN_UNICAST && (!used || ours.count(used->ifindex) == 0));
           });
  });
}

} // namespace

std::optional<BoundUdp> parse_bound(const nlmsghdr& message) {
  const auto* seen = header_of<inet_diag_msg>(message);
  return seen == nullptr ? std::nullopt
                         : std::optional(BoundUdp{Address(ntohl(seen->id.idiag_src[0])), ntohs(seen->id.idiag_sport),
                                                  seen->id.idiag_if, seen->idiag_inode});
}

Result<std::vector<RouteWords>> Inspection::routes_inside(const Prefix& overlay, const std::vector<Prefix>& slices) {
  auto socket = Socket::open();
  const auto links = socket ? list_links(*socket) : Result<std::vector<Link>>(socket.error());
  if (!links) {
    return links.error();
  }
  std::set<std::uint32_t> ours;
  std::set<std::uint32_t> tunnels;
  std::set<std::uint32_t> bridges;
  for (const Link& link : *links) {
    if (bears_our_sign(link.fact)) {
      ours.insert(link.fact.ifindex);
      (link.fact.kind == "bridge" ? bridges : tunnels).insert(link.fact.ifindex);
    } else if (link.fact.kind == "bridge" && is_record(link.fact.alias)) {
      bridges.insert(link.fact.ifindex); // a fan's that has lost its signs
    }
  }
  auto found = find_inside(*socket, overlay, tunnels, routes_looked_at);
  if (!found) {
    return found.error();
  }
  std::erase_if(*found, [&](const RouteEntry& route) {
    return bridges.count(route.ifindex) != 0 && std::any_of(slices.begin(), slices.end(), [&](const Prefix& slice) {
             return slice.contains(route.destination);
           });
  });
  const auto tables = tables_of_rules(*socket);
  const auto addresses = list_addresses(*socket);
  if (!tables || !addresses) {
    return tables ? addresses.error() : tables.error();
  }
  std::vector<Sender> senders = senders_of(*addresses, *links, tunnels, overlay);
  // Of whom every packet is refused, whatever the routes, nothing can be told.
  std::erase_if(senders, [&](const Sender& from) {
    return !look_up(*socket, from, overlay.at(1)) && !look_up(*socket, from, Address(overlay.broadcast().v4() - 1));
  });
  std::vector<RouteWords> routes;
  for (const RouteEntry& route : *found) {
    if (routes.size() < routes_at_most && tables->count(route.table) != 0 &&
        takes_away(*socket, route, senders, ours)) {
      routes.push_back(words_of(route, *links));
    }
  }
  return routes;
}

Result<std::optional<std::string>> Inspection::device_into(const Prefix& network, std::uint32_t mark) {
  auto socket = Socket::open();
  const auto links = socket ? list_links(*socket) : Result<std::vector<Link>>(socket.error());
  if (!links) {
    return links.error();
  }
  const auto device = netlink::device_into(*socket, network, mark);
  if (!device) {
    return device.error();
  }
  return *device ? std::optional(name_of(*links, **device)) : std::optional<std::string>();
}

Result<std::optional<bool>> Inspection::carrier(const std::string& device) {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  const auto link = find_link(*socket, device);
  if (!link) {
    return link.error();
  }
  return *link && (*link)->fact.up ? std::optional((*link)->carrier) : std::nullopt;
}

Result<std::vector<Lifetime>> Inspection::lifetimes() {
  auto socket = Socket::open();
  return socket ? list_lifetimes(*socket) : std::move(socket).error();
}

Result<std::vector<BoundUdp>> Inspection::udp_sockets() {
  auto socket = Socket::open(NETLINK_SOCK_DIAG);
  if (!socket) {
    return std::move(socket).error();
  }
  inet_diag_req_v2 request{};
  request.sdiag_family = AF_INET;
  request.sdiag_protocol = IPPROTO_UDP;
  request.idiag_states = ~0U;
  Message message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
  message.header(request);
  auto all = collect<BoundUdp>(*socket, message, parse_bound);
  return all ? std::move(all) : std::move(all).error().within("list the UDP sockets");
}

} // namespace fan::netlink
