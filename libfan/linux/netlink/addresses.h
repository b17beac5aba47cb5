// IPv4 addresses of devices. Encoded by libnl-route.
#pragma once

#include <optional>
#include <vector>

#include "core/facts.h"
#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// Nothing for a message that is none of an IPv4 address.
std::optional<AddressFact> parse_address(const nlmsghdr& message);

// Every IPv4 address of the network namespace, in the kernel's own order.
Result<std::vector<AddressFact>> list_addresses(Socket& socket);

struct Lifetime {
  std::uint32_t ifindex = 0;
  Address address;
  std::uint32_t valid_s = 0; // ~0: for ever
};
std::optional<Lifetime> parse_lifetime(const nlmsghdr& message);
// Of every IPv4 address of the network namespace.
Result<std::vector<Lifetime>> list_lifetimes(Socket& socket);

// EEXIST: the device has this very address with this prefix length.
Result<void> add_address(Socket& socket, const InterfaceAddress& address);
// Makes or removes the route to the address's network.
Result<void> change_address(Socket& socket, const InterfaceAddress& before, const InterfaceAddress& after);
// EADDRNOTAVAIL: it is gone. Removes this one only: with a primary address the kernel also takes its secondary ones
// (net.ipv4.conf.DEV.promote_secondaries is 0 by default), and those are put back.
Result<void> remove_address(Socket& socket, const InterfaceAddress& address);

} // namespace fan::netlink
