// The tables of bridges: who is behind which port.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/address.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

struct FdbRecord {
  Mac mac;
  std::uint32_t ifindex = 0; // the port, or the bridge itself
  bool local = false;        // frames to it are for this host
  bool fixed = false;        // does not age
  bool sticky = false;       // does not move to another port either
};

// Nothing for a message that is none of an entry of this bridge's table.
std::optional<FdbRecord> parse_record(const nlmsghdr& message, std::uint32_t bridge);

// Those of one bridge. Entries of the devices' own tables, such as a vxlan's, are left out.
Result<std::vector<FdbRecord>> list_fdb(Socket& socket, std::uint32_t bridge);

} // namespace fan::netlink
