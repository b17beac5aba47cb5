// Registers the endpoints of fans with `proxy-arp` by what was heard of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/registry.h"
#include "core/sighting.h"
#include "engine/fan_selection.h"
#include "engine/heard.h"
#include "engine/provider.h"

namespace fan {

using Endpoints = std::map<Address, Registration>;

struct HeardOutcome {
  Endpoints before;
  Endpoints after;
  std::map<std::uint32_t, std::string> bridges; // of these fans, by ifindex: where there is something to hear
  std::set<Registration> to_ask;                // Prober::holders(): the rest is done by another call with the answers
};

// Only the fan that is named, where one is. No such fan is up: nothing is done. Writes when the registry is to be
// another, or when a registered endpoint is a neighbour like any other: then somebody has put that in the place of
// ours, as dnsmasq does when it answers a client that has no address yet. What else differs is then put right too, as
// by change_registry().
Result<HeardOutcome> register_heard(Provider& provider, const std::optional<FanName>& name,
                                    const std::vector<Heard>& heard, const Answers& answers = {});

} // namespace fan
