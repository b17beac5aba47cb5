// The engine's one port to the world. linux/ implements it over the kernel, tests/support over memory.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/facts.h"
#include "core/firewall_rules.h"
#include "core/misleading_rule.h"
#include "core/object.h"
#include "core/result.h"

namespace fan {

// What observe() is to look at. Everything that bears our sign is always looked at; the scope adds what cannot bear
// one.
struct Scope {
  std::set<std::string> devices; // addresses, link state, neighbours, qdisc and filters of these; also when not ours
  std::set<std::string> sysctls; // keys
  std::set<std::string> bridges; // DHCP servers of these bridges
  std::set<Prefix> routes;       // routes to exactly these destinations, main table, whatever their protocol
  std::set<std::string> leaving = {}; // those of `devices` that shall have no program of ours any more
};

// Who was seen on a bridge.
struct Endpoint {
  Address address;
  std::string port; // the device behind which it is; "" when the bridge has forgotten
  auto operator<=>(const Endpoint&) const = default;
};

// A MAC address that a bridge has in its table.
struct KnownMac {
  Mac mac;
  std::string port;
  bool fixed = false; // somebody put it there, and it is not one of ours
  bool own = false;   // the address of the bridge or of a port itself: frames to it are for this host
  auto operator<=>(const KnownMac&) const = default;
};

class Provider {
public:
  virtual ~Provider() = default;

  // Links, IPv4 addresses, default device, records. Reads only. An interrupted dump is repeated, a few times.
  virtual Result<Facts> facts() = 0;

  // The MTU of the path into `underlay` from `source` over `device`: the smaller of the device's MTU and the route's,
  // in bytes.
  virtual Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device) = 0;

  // The source address that the kernel itself prefers towards `underlay` over `device`. nullopt: the kernel has no
  // route there.
  virtual Result<std::optional<Address>> preferred_source(const Prefix& underlay, const std::string& device) = 0;

  // The device by which the kernel sends into `underlay`. nullopt: it has no route there.
  virtual Result<std::optional<std::string>> device_into(const Prefix& underlay) = 0;

  // A route of this host, other than the default and other than ours, that overlaps `overlay`; as text, "10.8.0.0/16
  // dev tun0". One streamed dump in constant memory; call it only when a mapping is new.
  virtual Result<std::optional<std::string>> overlapping_route(const Prefix& overlay) = 0;

  // Of each of `fans`, in their order: rules of routing that lead its packets elsewhere; none where its devices are not
  // there. Asks the kernel for the way of each kind of packet, where there is any rule beyond those of every host.
  virtual Result<std::vector<std::vector<MisleadingRule>>> misleading_rules(std::span<const Fan> fans) = 0;

  // The IPv4 addresses that this host has resolved on `bridge`, by address. Only those of late: the kernel forgets.
  // Empty when there is no such device.
  virtual Result<std::vector<Endpoint>> endpoints(const std::string& bridge) = 0;

  // The table of `bridge`: learned, fixed and own addresses. Empty when there is no such device.
  virtual Result<std::vector<KnownMac>> known_macs(const std::string& bridge) = 0;

  // The packet filters of others on this host. Reads only.
  virtual Result<firewall::Filters> filters() = 0;

  // The build hash of the BPF programs that this binary carries.
  [[nodiscard]] virtual std::string program_build() const = 0;
  // The version of the nftables ruleset that this binary carries.
  [[nodiscard]] virtual std::string ruleset_version() const = 0;

  virtual Result<ObservedSet> observe(const Scope& scope) = 0;

  // Carries out one transaction: a single change, or several changes of kinds Ruleset and SetElement, or several of
  // port objects (is_port_object), all or nothing. On an error nothing has been done, but for an answer of the kernel
  // that was lost (undo.h). Creating what exists with other attributes of ours, and removing what is gone, are errors:
  // the plan was stale.
  virtual Result<void> apply(std::span<const Change> transaction) = 0;
};

} // namespace fan
