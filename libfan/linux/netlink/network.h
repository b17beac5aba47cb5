// The netlink room's face: bridges, tunnels, addresses, link state, neighbours and routes of the network namespace that
// the calling thread is in. Whoever uses it sees values of core only, no netlink.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
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

class Look;

// facts() begins a look at the host, which known_macs(), path_mtu(), preferred_source() and observe() after it are part
// of: devices, addresses and the table of a bridge are then read once for all of them. observe() ends it, apply() too,
// and so does a second of time. What comes after reads anew; only the numbers of devices for changes of ports are those
// of the look before.
class Network {
public:
  Network();
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  // Links, addresses, default device, ipv6. The rest of Facts is other rooms' business.
  Result<Facts> facts();
  // Only the links of it.
  static Result<std::vector<LinkFact>> links();
  // Of the devices with our sign.
  static Result<std::vector<LinkCounters>> counters();
  Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device);
  Result<std::optional<Address>> preferred_source(const Prefix& underlay, const std::string& device);
  static Result<std::optional<std::string>> overlapping_route(const Prefix& overlay);
  static Result<std::vector<std::vector<MisleadingRule>>> misleading_rules(std::span<const Fan> fans);

  static Result<std::vector<Endpoint>> endpoints(const std::string& bridge);
  Result<std::vector<KnownMac>> known_macs(const std::string& bridge);
  // What neighbours and tables of our bridges tell of endpoints: for when what says it is gone, in part or altogether.
  Result<Registry> remembered(const std::vector<LinkFact>& links);

  // Of the bridges in scope.devices: sticky entries of their tables, and flags of their ports.
  // Ours: bridges and tunnels with our sign, routes of our protocol, wherever they are. Of scope.devices: the device
  // itself when it is a bridge or a tunnel, its addresses, permanent neighbours, and whether it is up; devices that are
  // not there are left out. Of scope.routes: what stands in the main table. When two routes have one destination, ours
  // is reported.
  Result<ObservedSet> observe(const Scope& scope);
  // The links that observe() saw, just before.
  Result<std::vector<LinkFact>> observed_links();

  // One change of one of those kinds (precondition: is_network_object), or several of port objects: all or nothing, as
  // far as the kernel takes back what it took; else class partial. Opens a socket of its own, so it follows the
  // thread from namespace to namespace. An address cannot be changed, only made and removed: its attributes are its
  // key.
  Result<void> apply(std::span<const Change> changes);

private:
  // The look that there is; else a new one, which nobody keeps but `own`.
  Look& look(std::unique_ptr<Look>& own);
  void end_look();
  // The look that observe() ended, when it is not old; else a new one.
  std::unique_ptr<Look> take_last_look();

  std::unique_ptr<Look> look_;
  std::unique_ptr<Look> last_look_; // the one that observe() ended, until the next change
  std::chrono::steady_clock::time_point begun_;
};

} // namespace fan::netlink
