// Many changes of neighbours, entries of bridges' tables and flags of ports at once: the lists that are needed are read
// once, each change is compared with them, and only then all of them are sent together. A new entry of a bridge's table
// is not looked up before, as the table is long to read: the kernel is asked to make it only where there is none.
#pragma once

#include <span>

#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/look.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// Precondition: is_port_object for all. EEXIST: what is to be made is there; ENOENT: what is to be changed or removed
// is not; ENODEV: no such device; EOPNOTSUPP: this kernel has no such flag. Then nothing was done, or, where it is an
// entry of a bridge's table that is there, the others are taken back, as with what the kernel refuses; class partial
// when that failed too. Of `look` the devices count.
Result<void> change_ports(Socket& socket, Look& look, std::span<const Change> changes);

} // namespace fan::netlink
