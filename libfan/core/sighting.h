// Registering endpoints by what was seen of them, without believing everybody. Pure.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/facts.h"
#include "core/fan.h"
#include "core/registry.h"

namespace fan {

// Somebody behind a port said, or the kernel found out, that this address is at this MAC.
struct Sighting {
  Address address;
  Mac mac;
  std::string port; // behind which the bridge has this MAC
  // The bridge itself has seen the MAC there. False: it is registered there, and frames with it may come from anywhere.
  bool learned = true;
  auto operator<=>(const Sighting&) const = default;
};

// What was found out by asking behind the port of a registration whether its address is there.
struct Answers {
  std::set<Registration> there;
  std::set<Registration> gone;
};

struct Sighted {
  Registry registry;
  std::set<Registration> to_ask; // what hangs on it is not done yet
};

// Whoever forges ARP can have as many addresses as this, and no more.
inline constexpr std::size_t most_seen_behind_port = 8;

// The registry afterwards, for fans with `proxy-arp`; what is said of other fans stays as it is.
//
// An endpoint goes when its port is no longer a port of the fan's bridge. A sighting is taken when its port is one and
// the address is an endpoint's: inside the slice, neither its network or broadcast address nor one that the host holds.
// An address that is registered stays with its port until somebody claims it behind another one and nobody answers for
// it any more; behind that port its MAC may change. A MAC that the bridge has not learned is believed when its port
// answers for the address. No port gets more addresses than `most_seen_behind_port` by sightings.
Sighted with_sightings(const Registry& before, const std::vector<Fan>& fans, const Facts& facts,
                       const std::vector<Sighting>& seen, const Answers& answers = {});

} // namespace fan
