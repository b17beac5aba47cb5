// From fans to the kernel objects they consist of. Pure: the same fans on the same host give the same objects.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/fan.h"
#include "core/object.h"

namespace fan {

// The two things about this binary that objects carry (Provider::program_build, Provider::ruleset_version).
struct Builds {
  std::string program;
  std::string ruleset;
};

// Everything that should be there while exactly `fans` are up: what belongs to one fan, and what they share.
// Precondition: the fans are valid together (core/validate.h).
ObjectSet derive(const std::vector<Fan>& fans, const Facts& facts, const Builds& builds);

// Devices whose packets a fan forwards: `device`, its own, and those that translated traffic leaves by, the next hops
// of the default route. As far as they are there.
std::set<std::string> forwarding_devices(const std::string& device, const Facts& facts);

// The device as it is called now; null when it is gone. An ifindex, where one is recorded, says more than the name.
const LinkFact* link_of(const SavedForwarding& saved, const Facts& facts);
// What one of `fans` has saved for the device, null for nothing; all that saved it agree.
const SavedForwarding* saved_for(const LinkFact& link, const std::vector<Fan>& fans);

// What the host gets back when `before` were up and only `after` remain: per-device forwarding that nobody needs any
// more.
ObjectSet derive_restored(const std::vector<Fan>& before, const std::vector<Fan>& after, const Facts& facts);

// The same of the tunnel devices that stay where nobody forwards to and from them any more: fans with `reach` speak for
// their own hosts alone.
ObjectSet restored_tunnels(const ObjectSet& before, const ObjectSet& after, const Facts& facts);

// The key under net/ipv4/conf that says whether packets that arrive on `device` are forwarded.
std::string forwarding_key(const std::string& device);

} // namespace fan
