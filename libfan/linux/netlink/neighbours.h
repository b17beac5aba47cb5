// Permanent IPv4 neighbour entries. Encoded by libnl-route. Entries that the kernel learned are not seen and not kept.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

struct NeighbourEntry {
  std::uint32_t ifindex = 0;
  Address address;
  Mac mac;                   // all zeros where the device has none of six bytes
  std::uint8_t protocol = 0; // who made it; 0: nobody said, or a kernel before 5.0
};

// Nothing for a message that is none of a permanent IPv4 neighbour on this device; 0: on any.
std::optional<NeighbourEntry> parse_neighbour(const nlmsghdr& message, std::uint32_t ifindex);

// The permanent ones of one device; of all for 0.
Result<std::vector<NeighbourEntry>> list_neighbours(Socket& socket, std::uint32_t ifindex);

// The permanent ones of these devices, by ifindex. Of few each is asked for, as a router may have neighbours without
// end elsewhere; of many, all at once: each list takes the kernel a walk through the whole table.
Result<std::vector<NeighbourEntry>> list_neighbours(Socket& socket, const std::set<std::uint32_t>& devices);

// A neighbour with a MAC, however the kernel came by it.
struct ResolvedNeighbour {
  std::uint32_t ifindex = 0;
  Address address; // unspecified for an entry of a bridge's table
  Mac mac;
};
// Of IPv4 (AF_INET) or of a bridge (AF_BRIDGE). Groups and broadcast addresses, which are nobody, have NUD_NOARP.
std::optional<ResolvedNeighbour> parse_resolved(const nlmsghdr& message, unsigned char family);

// EEXIST: a permanent entry is there. One that the kernel learned, or failed to, is replaced.
Result<void> add_neighbour(Socket& socket, const Neighbour& neighbour);
// Another MAC. ENOENT: there is no permanent entry.
Result<void> change_neighbour(Socket& socket, const Neighbour& neighbour);
// ENOENT: it is gone.
Result<void> remove_neighbour(Socket& socket, const Neighbour& neighbour);

} // namespace fan::netlink
