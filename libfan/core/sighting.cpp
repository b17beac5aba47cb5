#include "core/sighting.h"

#include <algorithm>
#include <map>

#include "core/validate_endpoint.h"

namespace fan {
namespace {

// One fan's part of the registry.
class Registering {
public:
  Registering(const Fan& fan, const Facts& facts, Registry& registry) : fan_(fan), facts_(facts), registry_(registry) {}

  void forget_the_gone() {
    std::erase_if(registry_.endpoints, [this](const auto& entry) {
      const Registration& endpoint = entry.second;
      return fan_.slice().contains(endpoint.address) && !is_spoken_for(endpoint.port) &&
             !check_port(endpoint.port, fan_, facts_);
    });
    for (const auto& [address, endpoint] : registry_.endpoints) {
      ++behind_[endpoint.port];
      port_of_.emplace(endpoint.mac, endpoint.port);
    }
  }

  void take(const Sighting& seen) {
    const Registration endpoint{seen.address, seen.port, seen.mac};
    const auto owner = port_of_.try_emplace(seen.mac, seen.port).first;
    if (is_spoken_for(seen.port) || owner->second != seen.port || !check_endpoint(endpoint, fan_, facts_)) {
      return;
    }
    const auto known = registry_.endpoints.find(seen.address);
    if (known != registry_.endpoints.end() && known->second.port == seen.port) {
      known->second.mac = seen.mac;
    } else if (known == registry_.endpoints.end() && behind_[seen.port] < most_seen_behind_port) {
      ++behind_[seen.port];
      registry_.endpoints.emplace(seen.address, endpoint);
    }
  }

private:
  // Whoever said that a port is secured, or routed, says what is behind it.
  [[nodiscard]] bool is_spoken_for(const std::string& port) const {
    return registry_.secured.count(port) != 0 || registry_.routed.count(port) != 0;
  }

  const Fan& fan_;
  const Facts& facts_;
  Registry& registry_;
  std::map<std::string, std::size_t> behind_; // addresses, by port
  std::map<Mac, std::string> port_of_;
};

} // namespace

Registry with_sightings(const Registry& before, const std::vector<Fan>& fans, const Facts& facts,
                        const std::vector<Sighting>& seen) {
  Registry after = before;
  for (const Fan& fan : fans) {
    if (!fan.spec.proxy_arp || facts.link(fan.bridge) == nullptr) {
      continue;
    }
    Registering registering(fan, facts, after);
    registering.forget_the_gone();
    for (const Sighting& sighting : seen) {
      registering.take(sighting);
    }
  }
  return after;
}

} // namespace fan
