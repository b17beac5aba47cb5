#include "engine/register_heard.h"

#include <algorithm>
#include <map>

#include "engine/host.h"
#include "engine/port_requests.h"

namespace fan {
namespace {

std::vector<Fan> watched(const std::optional<FanName>& name, const Host& host) {
  std::vector<Fan> fans = name ? fans_named(*name, host.fans, host.facts) : host.fans;
  std::erase_if(fans, [&](const Fan& fan) { return !fan.spec.proxy_arp || host.facts.link(fan.bridge) == nullptr; });
  return fans;
}

struct Place {
  std::string port;
  bool learned = true;
};

// Behind which port a MAC is. Of those that are registered, whose entries are ours, the bridge learns nothing.
Result<std::map<Mac, Place>> places_by_mac(Provider& provider, const Fan& fan, const Registry& registry) {
  auto known = provider.known_macs(fan.bridge);
  if (!known) {
    return std::move(known).error();
  }
  std::map<Mac, Place> places;
  for (const KnownMac& mac : *known) {
    if (!mac.own && !mac.fixed) {
      places.emplace(mac.mac, Place{mac.port, true});
    }
  }
  for (const auto& [address, endpoint] : registry.endpoints) {
    if (fan.slice().contains(address)) {
      places.emplace(endpoint.mac, Place{endpoint.port, false});
    }
  }
  return places;
}

// The MAC went to another port since it was heard: who said it cannot be told.
bool has_moved(const Heard& one, const Place& place, const Facts& facts) {
  const LinkFact* then = one.port != 0 && place.learned ? facts.link(one.port) : nullptr;
  return then != nullptr && then->name != place.port;
}

// `moved`: what is to be heard again before it counts.
Result<std::vector<Sighting>> sightings_of(Provider& provider, const Host& host, const std::vector<Fan>& fans,
                                           const std::vector<Heard>& heard, std::set<Registration>& moved) {
  std::vector<Sighting> seen;
  for (const Fan& fan : fans) {
    const std::uint32_t bridge = host.facts.link(fan.bridge)->ifindex;
    const bool any = std::any_of(heard.begin(), heard.end(), [&](const Heard& one) { return one.bridge == bridge; });
    auto places = any ? places_by_mac(provider, fan, host.facts.registry) : Result(std::map<Mac, Place>());
    if (!places) {
      return std::move(places).error();
    }
    for (const Heard& one : heard) {
      const auto place = places->find(one.mac);
      if (one.bridge != bridge || place == places->end()) {
        continue;
      }
      if (has_moved(one, place->second, host.facts)) {
        moved.insert({one.address, place->second.port, one.mac});
      } else {
        seen.push_back({one.address, one.mac, place->second.port, place->second.learned});
      }
    }
  }
  return seen;
}

bool is_overwritten(const Endpoints& endpoints, const std::vector<Heard>& heard) {
  return std::any_of(heard.begin(), heard.end(),
                     [&](const Heard& one) { return one.resolved && endpoints.count(one.address) != 0; });
}

} // namespace

Result<HeardOutcome> register_heard(Provider& provider, const std::optional<FanName>& name,
                                    const std::vector<Heard>& heard, const Answers& answers) {
  const auto host = look(provider);
  if (!host) {
    return host.error();
  }
  const std::vector<Fan> fans = watched(name, *host);
  std::set<Registration> moved;
  auto seen = sightings_of(provider, *host, fans, heard, moved);
  if (!seen) {
    return std::move(seen).error();
  }
  HeardOutcome outcome;
  for (const Fan& fan : fans) {
    outcome.bridges.emplace(host->facts.link(fan.bridge)->ifindex, fan.bridge);
  }
  const Registry& before = host->facts.registry;
  Sighted sighted = with_sightings(before, fans, host->facts, *seen, answers);
  const Registry after = std::move(sighted.registry);
  outcome.to_ask = std::move(sighted.to_ask);
  outcome.to_ask.merge(moved);
  outcome.before = before.endpoints;
  outcome.after = after.endpoints;
  if (fans.empty() || (after == before && !is_overwritten(after.endpoints, heard))) {
    return outcome;
  }
  const auto edit = [&](const Host&, const std::vector<Fan>&) { return Result<Registry>(after); };
  auto changed = change_registry(provider, std::nullopt, edit, {});
  return changed ? Result(std::move(outcome)) : std::move(changed).error();
}

} // namespace fan
