#include "linux/netlink/link.h"

#include <algorithm>
#include <cerrno>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/error.h"
#include "linux/netlink/network.h"

namespace fan::netlink {
namespace {

// IFLA_INET_CONF is an array of 32-bit numbers, one for each net.ipv4.conf entry, counted from 1 (linux/ip.h).
bool forwards(const Attributes& link) {
  const auto conf = link.nest(IFLA_AF_SPEC).nest(AF_INET).get(IFLA_INET_CONF);
  const std::size_t at = (IPV4_DEVCONF_FORWARDING - 1) * sizeof(std::uint32_t);
  if (!conf || conf->size() < at + sizeof(std::uint32_t)) {
    return false;
  }
  std::uint32_t value = 0;
  std::memcpy(&value, conf->data() + at, sizeof value);
  return value != 0;
}

void read_tunnel(LinkFact& fact, const Attributes& data) {
  if (fact.kind == "vxlan") {
    fact.external = data.u8(IFLA_VXLAN_COLLECT_METADATA).value_or(0) != 0;
    fact.port = data.be16(IFLA_VXLAN_PORT).value_or(0);
  } else if (fact.kind == "ipip") {
    fact.external = data.has(IFLA_IPTUN_COLLECT_METADATA);
    fact.local = data.v4(IFLA_IPTUN_LOCAL).value_or(Address());
  }
}

// A kernel without snooping says neither.
std::optional<QuerierState> querier_in(const Attributes& data) {
  const bool both = data.u8(IFLA_BR_MCAST_SNOOPING).value_or(0) != 0 && data.u8(IFLA_BR_MCAST_QUERIER).value_or(0) != 0;
  const auto interval = data.u64(IFLA_BR_MCAST_QUERY_RESPONSE_INTVL);
  return interval ? std::optional(QuerierState{both, static_cast<std::uint32_t>(*interval)}) : std::nullopt;
}

std::optional<bool> as_bool(std::optional<std::uint8_t> number) {
  return number ? std::optional(*number != 0) : std::nullopt;
}

std::optional<PortFlags> read_port(const Attributes& info) {
  if (info.text(IFLA_INFO_SLAVE_KIND) != "bridge") {
    return std::nullopt;
  }
  const Attributes data = info.nest(IFLA_INFO_SLAVE_DATA);
  return PortFlags{as_bool(data.u8(IFLA_BRPORT_PROXYARP_WIFI)), as_bool(data.u8(IFLA_BRPORT_BCAST_FLOOD)),
                   as_bool(data.u8(IFLA_BRPORT_LEARNING))};
}

Message get_link(int flags) {
  Message message(RTM_GETLINK, flags);
  message.header(ifinfomsg{});
  message.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return message;
}

bool has_our_mac(const LinkFact& fact) {
  return fact.mac.bytes[0] == mac_prefix[0] && fact.mac.bytes[1] == mac_prefix[1];
}

Tunnel tunnel_of(const Link& link) {
  Tunnel tunnel;
  tunnel.name = link.fact.name;
  tunnel.encapsulation = link.fact.kind == "ipip" ? Encapsulation::ipip : Encapsulation::vxlan;
  tunnel.port = link.fact.port;
  tunnel.mac = link.fact.mac;
  tunnel.mtu = link.fact.mtu;
  // Both kinds of tunnel get noqueue when they are first brought up (IFF_NO_QUEUE); until then there is a placeholder.
  tunnel.qdisc = link.qdisc == "noop" ? "noqueue" : link.qdisc;
  return tunnel;
}

} // namespace

std::optional<bool> PortFlags::get(PortFlagName flag) const {
  switch (flag) {
  case PortFlagName::proxy_arp_wifi:
    return proxy_arp_wifi;
  case PortFlagName::bcast_flood:
    return bcast_flood;
  case PortFlagName::learning:
    break;
  }
  return learning;
}

std::optional<Link> parse_link(const nlmsghdr& message) {
  const auto* header = header_of<ifinfomsg>(message);
  const Attributes attributes = Attributes::of(message, sizeof(ifinfomsg));
  if (message.nlmsg_type != RTM_NEWLINK || header == nullptr || !attributes.has(IFLA_IFNAME)) {
    return std::nullopt;
  }
  Link link;
  link.qdisc = attributes.text(IFLA_QDISC);
  LinkFact& fact = link.fact;
  fact.ifindex = static_cast<std::uint32_t>(header->ifi_index);
  fact.name = attributes.text(IFLA_IFNAME);
  const Attributes info = attributes.nest(IFLA_LINKINFO);
  fact.kind = info.text(IFLA_INFO_KIND);
  link.port = read_port(info);
  fact.learning = !link.port || link.port->learning.value_or(true);
  fact.up = (header->ifi_flags & IFF_UP) != 0;
  link.carrier = (header->ifi_flags & IFF_LOWER_UP) != 0;
  fact.mtu = attributes.u32(IFLA_MTU).value_or(0);
  fact.mac = attributes.mac(IFLA_ADDRESS).value_or(Mac{});
  fact.group = attributes.u32(IFLA_GROUP).value_or(0);
  fact.alias = attributes.text(IFLA_IFALIAS);
  fact.master = attributes.u32(IFLA_MASTER).value_or(0);
  fact.lower = attributes.has(IFLA_LINK_NETNSID) ? 0 : attributes.u32(IFLA_LINK).value_or(0);
  fact.forwarding = forwards(attributes);
  if (fact.kind == "bridge") {
    link.querier = querier_in(info.nest(IFLA_INFO_DATA));
  }
  read_tunnel(fact, info.nest(IFLA_INFO_DATA));
  return link;
}

Result<std::vector<Link>> list_links(Socket& socket) {
  Message message = get_link(NLM_F_DUMP);
  auto links = collect<Link>(socket, message, parse_link);
  return links ? std::move(links) : std::move(links).error().within("list the network devices");
}

Result<std::optional<Link>> find_link(Socket& socket, const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return std::optional<Link>(); // no device can have this name, and the kernel would call the request malformed
  }
  Message message = get_link(0);
  message.text(IFLA_IFNAME, name);
  std::optional<Link> found;
  auto answered = socket.query(message, [&found](const nlmsghdr& one) { found = parse_link(one); });
  if (!answered && answered.error().sys_errno != ENODEV) {
    return std::move(answered).error().within("look up device " + name);
  }
  return found;
}

Result<Link> require_link(Socket& socket, const std::string& name) {
  auto found = find_link(socket, name);
  if (!found) {
    return std::move(found).error();
  }
  if (!*found) {
    return error_from(ENODEV, "").within("device " + name);
  }
  return std::move(**found);
}

const Link* link_of(const std::vector<Link>& links, std::uint32_t ifindex) {
  const auto found =
      std::find_if(links.begin(), links.end(), [ifindex](const Link& link) { return link.fact.ifindex == ifindex; });
  return found == links.end() ? nullptr : &*found;
}

std::string name_of(const std::vector<Link>& links, std::uint32_t ifindex) {
  const Link* link = link_of(links, ifindex);
  return link == nullptr ? std::string() : link->fact.name;
}

bool bears_our_sign(const LinkFact& fact) {
  if (fact.group != link_group) {
    return false;
  }
  if (fact.kind == "ipip") {
    return fact.external; // it has no MAC
  }
  return has_our_mac(fact) && (fact.kind == "bridge" || fact.external);
}

std::optional<Object> object_of(const Link& link) {
  const LinkFact& fact = link.fact;
  if (fact.kind == "bridge") {
    return Bridge{fact.name, fact.mac, fact.mtu, fact.alias};
  }
  if (fact.kind == "vxlan" || fact.kind == "ipip") {
    return tunnel_of(link);
  }
  return std::nullopt;
}

} // namespace fan::netlink
