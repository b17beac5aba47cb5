// Network devices as the kernel lists them, and which of them are ours. Reads only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// The flags of a bridge's port that are of interest; nothing where this kernel has no such flag.
struct PortFlags {
  std::optional<bool> proxy_arp_wifi;
  std::optional<bool> bcast_flood;
  std::optional<bool> learning;

  [[nodiscard]] std::optional<bool> get(PortFlagName flag) const;
};

struct QuerierState {
  bool on = false;                     // it snoops, and is a querier
  std::uint32_t response_interval = 0; // 1/100 s
};

struct Link {
  LinkFact fact;
  std::optional<PortFlags> port; // of a bridge
  // Of a bridge; nothing where this kernel has no snooping.
  std::optional<QuerierState> querier;
  std::string qdisc;    // IFLA_QDISC: the root qdisc; "noop" while the device has never been up
  bool carrier = false; // a link to anything: its cable, its other end, a port
};

// Nothing for a message that is no RTM_NEWLINK or lacks a name.
std::optional<Link> parse_link(const nlmsghdr& message);

// Every device of the network namespace, in the kernel's order.
Result<std::vector<Link>> list_links(Socket& socket);
// nullopt: there is none of that name.
Result<std::optional<Link>> find_link(Socket& socket, const std::string& name);
// As find_link, but a missing device is an error of class host_state with errno ENODEV.
Result<Link> require_link(Socket& socket, const std::string& name);

// Null, and "", when there is none of that number.
const Link* link_of(const std::vector<Link>& links, std::uint32_t ifindex);
std::string name_of(const std::vector<Link>& links, std::uint32_t ifindex);

// The device as one of our object kinds, whoever made it: kind bridge is a Bridge, vxlan and ipip are a Tunnel.
std::optional<Object> object_of(const Link& link);

} // namespace fan::netlink
