#include "linux/netlink/packet_lookup.h"

#include <net/if.h>

#include <array>
#include <cerrno>
#include <optional>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

std::string device_name(std::uint32_t ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(ifindex, name.data()) == nullptr ? std::string() : std::string(name.data());
}

// For policy rules that ask for them. The kernel takes no other protocol in a lookup (rtm_getroute_parse_ip_proto).
void add_ports(Message& message, const Packet& packet) {
  if (packet.protocol == protocol_icmp || packet.protocol == protocol_tcp || packet.protocol == protocol_udp) {
    message.u8(RTA_IP_PROTO, packet.protocol);
  }
  if (packet.protocol == protocol_tcp || packet.protocol == protocol_udp) {
    message.be16(RTA_SPORT, packet.source_port).be16(RTA_DPORT, packet.destination_port);
  }
}

Result<std::optional<RouteEntry>> look_up(Socket& socket, const RouteQuestion& question, std::uint32_t in_device,
                                          bool as_stored) {
  Message message(RTM_GETROUTE, 0);
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 32;
  header.rtm_src_len = question.packet.source == Address() ? 0 : 32;
  header.rtm_flags = RTM_F_LOOKUP_TABLE | (as_stored ? RTM_F_FIB_MATCH : 0U);
  message.header(header).v4(RTA_DST, question.packet.destination);
  if (header.rtm_src_len != 0) {
    message.v4(RTA_SRC, question.packet.source);
  }
  if (in_device != 0) {
    message.u32(RTA_IIF, in_device);
  }
  if (question.mark != 0) {
    message.u32(RTA_MARK, question.mark);
  }
  message.u32(RTA_UID, 0); // as the kernel's own packets, whoever asks
  add_ports(message, question.packet);
  std::optional<RouteEntry> found;
  Result<void> done = socket.query(message, [&found](const nlmsghdr& one) { found = parse_route(one); });
  return done ? Result(found) : std::move(done).error();
}

// 0: this host sends it.
Result<std::uint32_t> index_of_input(const RouteQuestion& question) {
  const std::uint32_t index = question.in_device.empty() ? 0 : if_nametoindex(question.in_device.c_str());
  return question.in_device.empty() || index != 0 ? Result(index) : error_from(ENODEV, "");
}

RouteKind kind_of(const RouteEntry& route) {
  switch (route.type) {
  case RTN_UNICAST:
    return RouteKind::unicast;
  case RTN_LOCAL:
    return RouteKind::local;
  case RTN_BROADCAST:
    return RouteKind::broadcast;
  default:
    return RouteKind::other;
  }
}

NeighbourState state_of(std::uint16_t state) {
  if ((state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)) != 0) {
    return NeighbourState::resolved;
  }
  return (state & NUD_FAILED) != 0       ? NeighbourState::unanswered
         : (state & NUD_INCOMPLETE) != 0 ? NeighbourState::asked
                                         : NeighbourState::unknown;
}

} // namespace

Result<RouteAnswer> packet_route(Socket& socket, const RouteQuestion& question) {
  const auto in_device = index_of_input(question);
  if (!in_device) {
    return in_device.error();
  }
  const auto used = look_up(socket, question, *in_device, false);
  if (!used || !*used) {
    return used ? error_from(ENETUNREACH, "") : used.error();
  }
  const RouteEntry& route = **used;
  RouteAnswer answer;
  answer.kind = kind_of(route);
  answer.device = device_name(route.ifindex);
  answer.via = route.via;
  answer.source = route.source;
  answer.mtu = route.mtu;
  // The route that the answer was found by says where it comes from; one that went away meanwhile says nothing.
  const auto stored = look_up(socket, question, *in_device, true);
  if (stored && *stored) {
    answer.destination = (*stored)->destination;
    answer.protocol = (*stored)->protocol;
    answer.table = (*stored)->table;
    answer.learned = route.mtu != 0 && route.mtu != (*stored)->mtu;
  }
  return answer;
}

Result<std::optional<RouteEntry>> stored_route(Socket& socket, const RouteQuestion& question) {
  const auto in_device = index_of_input(question);
  return in_device ? look_up(socket, question, *in_device, true) : in_device.error();
}

Result<NeighbourAnswer> packet_neighbour(Socket& socket, const std::string& device, Address address) {
  Message message(RTM_GETNEIGH, 0);
  ndmsg header{};
  header.ndm_family = AF_INET;
  header.ndm_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  message.header(header).v4(NDA_DST, address);
  NeighbourAnswer answer;
  Result<void> done = socket.query(message, [&answer](const nlmsghdr& one) {
    if (const auto* found = header_of<ndmsg>(one); found != nullptr && one.nlmsg_type == RTM_NEWNEIGH) {
      answer.state = state_of(found->ndm_state);
      answer.mac = Attributes::of(one, sizeof(ndmsg)).mac(NDA_LLADDR).value_or(Mac());
    }
  });
  if (!done && done.error().sys_errno != ENOENT) {
    return std::move(done).error().within("ask for neighbour " + address.str() + " on " + device);
  }
  return answer;
}

Result<std::string> bridge_port(Socket& socket, const std::string& bridge, const Mac& mac) {
  Message message(RTM_GETNEIGH, 0);
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  message.header(header).mac(NDA_LLADDR, mac).u32(NDA_MASTER, if_nametoindex(bridge.c_str()));
  std::string port;
  Result<void> done = socket.query(message, [&port](const nlmsghdr& one) {
    if (const auto* found = header_of<ndmsg>(one); found != nullptr && one.nlmsg_type == RTM_NEWNEIGH) {
      port = device_name(static_cast<std::uint32_t>(found->ndm_ifindex));
    }
  });
  if (!done && done.error().sys_errno != ENOENT) {
    return std::move(done).error().within("ask " + bridge + " for the port of " + mac.str());
  }
  return port;
}

} // namespace fan::netlink
