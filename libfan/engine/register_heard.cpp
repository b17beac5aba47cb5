#include "engine/register_heard.h"

#include <algorithm>
#include <map>

#include "core/sighting.h"
#include "engine/host.h"
#include "engine/port_requests.h"

namespace fan {
namespace {

std::vector<Fan> watched(const std::optional<FanName>& name, const Host& host) {
  std::vector<Fan> fans = name ? fans_named(*name, host.fans, host.facts) : host.fans;
  std::erase_if(fans, [&](const Fan& fan) { return !fan.spec.proxy_arp || host.facts.link(fan.bridge) == nullptr; });
  return fans;
}

// Behind which port of the bridge the bridge itself has seen a MAC.
Result<std::map<Mac, std::string>> ports_by_mac(Provider& provider, const std::string& bridge) {
  auto known = provider.known_macs(bridge);
  if (!known) {
    return std::move(known).error();
  }
  std::map<Mac, std::string> ports;
  for (const KnownMac& mac : *known) {
    if (!mac.own && !mac.fixed) {
      ports.emplace(mac.mac, mac.port);
    }
  }
  return ports;
}

Result<std::vector<Sighting>> sightings_of(Provider& provider, const Host& host, const std::vector<Fan>& fans,
                                           const std::vector<Heard>& heard) {
  std::vector<Sighting> seen;
  for (const Fan& fan : fans) {
    const std::uint32_t bridge = host.facts.link(fan.bridge)->ifindex;
    const bool any = std::any_of(heard.begin(), heard.end(), [&](const Heard& one) { return one.bridge == bridge; });
    auto ports = any ? ports_by_mac(provider, fan.bridge) : Result(std::map<Mac, std::string>());
    if (!ports) {
      return std::move(ports).error();
    }
    for (const Heard& one : heard) {
      const auto port = ports->find(one.mac);
      if (one.bridge == bridge && port != ports->end()) {
        seen.push_back({one.address, one.mac, port->second});
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
                                    const std::vector<Heard>& heard) {
  const auto host = look(provider);
  if (!host) {
    return host.error();
  }
  const std::vector<Fan> fans = watched(name, *host);
  auto seen = sightings_of(provider, *host, fans, heard);
  if (!seen) {
    return std::move(seen).error();
  }
  HeardOutcome outcome;
  for (const Fan& fan : fans) {
    outcome.bridges.emplace(host->facts.link(fan.bridge)->ifindex, fan.bridge);
  }
  const Registry& before = host->facts.registry;
  const Registry after = with_sightings(before, fans, host->facts, *seen);
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
