// Making, altering and removing bridges and tunnels. libnl-route 3.7 has no bridge attributes, no collect-metadata for
// ipip and sends the vxlan port with the wrong width, so the messages are built here from raw attributes
// (linux/if_link.h).
#pragma once

#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// Group, MAC and exclusiveness go into the creating message, so that a device never exists without our sign. The alias,
// which the kernel ignores there, follows in a second message together with the MTU; when that fails the bridge is
// removed again.
Result<void> create_bridge(Socket& socket, const Bridge& bridge);
// In place: MAC, MTU, alias. On an error what was before is put back.
Result<void> change_bridge(Socket& socket, const Bridge& before, const Bridge& after);

// External mode, learning off. EOPNOTSUPP: the error names the module that is missing.
Result<void> create_tunnel(Socket& socket, const Tunnel& tunnel);
// In place: MTU, MAC, root qdisc. Another port or encapsulation is another device: class host_state.
Result<void> change_tunnel(Socket& socket, const Tunnel& before, const Tunnel& after);

// Removes a device that bears our sign; any other is refused (class host_state, EEXIST), a missing one is ENODEV.
Result<void> remove_device(Socket& socket, const std::string& name);

// Already so: class host_state, EALREADY, as the plan was stale.
Result<void> set_up(Socket& socket, const std::string& name, bool up);

} // namespace fan::netlink
