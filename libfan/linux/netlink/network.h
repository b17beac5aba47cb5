// The netlink room's face: bridges, tunnels, addresses, link state, neighbours and routes of the network namespace that
// the calling thread is in. Whoever uses it sees values of core only, no netlink.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
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
  static Result<std::vector<KnownMac>> known_macs(const std::string& bridge);
  // What neighbours and tables of our bridges tell of endpoints, for when the table that says it is gone.
  static Result<Registry> remembered(const std::vector<LinkFact>& links);

  // Of the bridges in scope.devices: sticky entries of their tables, and flags of their ports.
  // Ours: bridges and tunnels with our sign, routes of our protocol, wherever they are. Of scope.devices: the device
  // itself when it is a bridge or a tunnel, its addresses, permanent neighbours, and whether it is up; devices that are
  // not there are left out. Of scope.routes: what stands in the main table. When two routes have one destination, ours
  // is reported.
  static Result<ObservedSet> observe(const Scope& scope);

  // One change of one of those kinds (precondition: is_network_object), or several of port objects: all or nothing, as
  // far as the kernel takes back what it took; else class partial. Opens a socket of its own, so it follows the
  // thread from namespace to namespace. An address cannot be changed, only made and removed: its attributes are its
  // key.
  static Result<void> apply(std::span<const Change> changes);
};

} // namespace fan::netlink
