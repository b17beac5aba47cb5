// What people have said about the ports of fan bridges: which endpoint is behind which port, what a port may send, who
// may send broadcasts and who receives them. Kept in the sets of table `bridge fanctl` (core/port_sets.h), from where
// it is read again.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/any_prefix.h"

namespace fan {

// An endpoint that was registered.
struct Registration {
  Address address;
  std::string port; // the device that is a port of the fan bridge, or a routed one
  Mac mac;
  auto operator<=>(const Registration&) const = default;
};

// Who may send broadcasts where only some may: a MAC address behind one port.
struct Sender {
  std::string port;
  Mac mac;
  auto operator<=>(const Sender&) const = default;
};

struct Registry {
  std::map<Address, Registration> endpoints;
  // Ports that send as their endpoints or not at all, and the networks that they may send from besides.
  std::map<std::string, std::set<AnyPrefix>> secured;
  // Devices that are no port of a bridge, with a route to each of their endpoints instead, and whether they forwarded
  // before: a bridge takes 1,023 ports (net/bridge/br_private.h, BR_MAX_PORTS).
  std::map<std::string, bool> routed;
  // Ports on which somebody else has switched learning off: of those that are secured, before they were.
  std::set<std::string> unlearning;
  std::set<std::string> quiet; // bridges on which a broadcast is copied only from `allowed`
  std::set<Sender> allowed;
  std::set<std::string> selective; // bridges on which broadcasts are copied only to `receivers`
  std::set<std::string> receivers; // ports

  [[nodiscard]] bool empty() const {
    return endpoints.empty() && secured.empty() && quiet.empty() && selective.empty();
  }
  auto operator<=>(const Registry&) const = default;
};

} // namespace fan
