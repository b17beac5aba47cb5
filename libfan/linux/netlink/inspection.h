// What only a person who looks for a fault asks of the network: nothing here is needed to bring a fan up or down. Reads
// only, with a socket of its own each time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/result.h"
#include "linux/netlink/addresses.h"

struct nlmsghdr;

namespace fan::netlink {

// A route and the words by which `ip route` knows it.
struct RouteWords {
  Prefix destination;
  std::vector<std::string> words;
};

struct BoundUdp {
  Address address;           // unspecified for all
  std::uint16_t port = 0;    // host byte order
  std::uint32_t ifindex = 0; // of the device it is bound to, 0 for all
  std::uint32_t inode = 0;   // 0: the kernel's own
};

// Nothing for a message that says less of a socket than the kernel does.
std::optional<BoundUdp> parse_bound(const nlmsghdr& message);

class Inspection {
public:
  // Routes to a part of `overlay` that are not ours and that packets take which would be the fan's: those of this host,
  // or of an endpoint of its bridge. By a fan bridge a route to a part of `slices` is ours. At most eight.
  static Result<std::vector<RouteWords>> routes_inside(const Prefix& overlay, const std::vector<Prefix>& slices);
  // The device by which the kernel sends a packet of this mark into `network`. nullopt: no route there.
  static Result<std::optional<std::string>> device_into(const Prefix& network, std::uint32_t mark);
  // Whether a device has one. nullopt: it is not there, or down.
  static Result<std::optional<bool>> carrier(const std::string& device);
  static Result<std::vector<Lifetime>> lifetimes();
  // IPv4 UDP sockets (sock_diag(7)).
  static Result<std::vector<BoundUdp>> udp_sockets();
};

} // namespace fan::netlink
