// Many changes of neighbours, entries of bridges' tables and flags of ports at once: the lists that are needed are read
// once, each change is compared with them, and only then all of them are sent together.
#pragma once

#include <span>

#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// Precondition: is_port_object for all. EEXIST: what is to be made is there; ENOENT: what is to be changed or removed
// is not; ENODEV: no such device; EOPNOTSUPP: this kernel has no such flag. Then nothing was done. What the kernel
// refuses after that is an error of its own, and the others are taken back; class partial when that failed too.
Result<void> change_ports(Socket& socket, std::span<const Change> changes);

} // namespace fan::netlink
