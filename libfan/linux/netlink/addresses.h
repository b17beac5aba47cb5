// IPv4 addresses of devices. Encoded by libnl-route.
#pragma once

#include <vector>

#include "core/facts.h"
#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// Every IPv4 address of the network namespace, in the kernel's own order.
Result<std::vector<AddressFact>> list_addresses(Socket& socket);

struct Lifetime {
  std::uint32_t ifindex = 0;
  Address address;
  std::uint32_t valid_s = 0; // ~0: for ever
};
// Of every IPv4 address of the network namespace.
Result<std::vector<Lifetime>> list_lifetimes(Socket& socket);

// EEXIST: the device has this very address with this prefix length.
Result<void> add_address(Socket& socket, const InterfaceAddress& address);
// EADDRNOTAVAIL: it is gone. Removes this one only: with a primary address the kernel also takes its secondary ones
// (net.ipv4.conf.DEV.promote_secondaries is 0 by default), and those are put back.
Result<void> remove_address(Socket& socket, const InterfaceAddress& address);

} // namespace fan::netlink
