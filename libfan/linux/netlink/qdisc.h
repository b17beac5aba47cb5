// The root qdisc of a tunnel device. Ingress and clsact are none of this file's business.
#pragma once

#include <string>

#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// "noqueue" deletes the root qdisc: a device of ours then falls back to none at all. Any other kind is put there with
// its defaults, which is for undoing: its old parameters are not kept. Errors: the kernel's.
Result<void> set_root_qdisc(Socket& socket, const std::string& device, const std::string& kind);

} // namespace fan::netlink
