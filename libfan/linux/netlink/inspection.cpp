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

#include "linux/netlink/attributes.h"
#include "linux/netlink/link.h"
#include "linux/netlink/network.h"
#include "linux/netlink/route_lookup.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

constexpr std::size_t routes_at_most = 8;

std::string name_of(const std::vector<Link>& links, std::uint32_t ifindex) {
  const auto found =
      std::find_if(links.begin(), links.end(), [ifindex](const Link& link) { return link.fact.ifindex == ifindex; });
  return found == links.end() ? std::string() : found->fact.name;
}

const char* word_for(std::uint8_t type) {
  switch (type) {
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

RouteWords words_of(const RouteEntry& route, const std::vector<Link>& links) {
  RouteWords seen{route.destination, {word_for(route.type), route.destination.str()}};
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

std::optional<BoundUdp> parse_bound(const nlmsghdr& message) {
  const auto* seen = header_of<inet_diag_msg>(message);
  return seen == nullptr ? std::nullopt
                         : std::optional(BoundUdp{Address(ntohl(seen->id.idiag_src[0])), ntohs(seen->id.idiag_sport),
                                                  seen->id.idiag_if, seen->idiag_inode});
}

} // namespace

Result<std::vector<RouteWords>> Inspection::routes_inside(const Prefix& overlay) {
  auto socket = Socket::open();
  const auto links = socket ? list_links(*socket) : Result<std::vector<Link>>(socket.error());
  if (!links) {
    return links.error();
  }
  std::set<std::uint32_t> ours;
  for (const Link& link : *links) {
    if (bears_our_sign(link.fact)) {
      ours.insert(link.fact.ifindex);
    }
  }
  const auto found = find_inside(*socket, overlay, ours, routes_at_most);
  if (!found) {
    return found.error();
  }
  std::vector<RouteWords> routes;
  std::transform(found->begin(), found->end(), std::back_inserter(routes),
                 [&](const RouteEntry& route) { return words_of(route, *links); });
  return routes;
}

Result<std::optional<std::string>> Inspection::device_into(const Prefix& network) {
  auto socket = Socket::open();
  const auto links = socket ? list_links(*socket) : Result<std::vector<Link>>(socket.error());
  if (!links) {
    return links.error();
  }
  const auto device = netlink::device_into(*socket, network);
  if (!device) {
    return device.error();
  }
  return *device ? std::optional(name_of(*links, **device)) : std::optional<std::string>();
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
