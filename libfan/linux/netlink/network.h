// The netlink room's face: bridges, tunnels, addresses, link state, neighbours and routes of the network namespace that
// the calling thread is in. Whoever uses it sees values of core only, no netlink.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/object.h"
#include "core/result.h"
#include "engine/provider.h"
#include "linux/netlink/link_counters.h"

namespace fan::netlink {

// True for the kinds that Network observes and applies.
bool is_network_object(const Object& object);

// Link group, and the MAC prefix where the device has a MAC; a tunnel must be external, too.
bool bears_our_sign(const LinkFact& link);

class Network {
public:
  // Links, addresses, default device, ipv6. The rest of Facts is other rooms' business.
  static Result<Facts> facts();
  // Only the links of it.
  static Result<std::vector<LinkFact>> links();
  // Of the devices with our sign.
  static Result<std::vector<LinkCounters>> counters();
  static Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device);
  static Result<std::optional<Address>> preferred_source(const Prefix& underlay, const std::string& device);
  static Result<std::optional<std::string>> overlapping_route(const Prefix& overlay);

  static Result<std::vector<Endpoint>> endpoints(const std::string& bridge);

  // Ours: bridges and tunnels with our sign, routes of our protocol, wherever they are. Of scope.devices: the device
  // itself when it is a bridge or a tunnel, its addresses, permanent neighbours, and whether it is up; devices that are
  // not there are left out. Of scope.routes: what stands in the main table. When two routes have one destination, ours
  // is reported.
  static Result<ObservedSet> observe(const Scope& scope);

  // One change of one of those kinds (precondition: is_network_object). Opens a socket of its own, so it follows the
  // thread from namespace to namespace. An address cannot be changed, only made and removed: its attributes are its
  // key.
  static Result<void> apply(const Change& change);
};

} // namespace fan::netlink
