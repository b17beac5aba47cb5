#include "core/sighting.h"

#include <algorithm>
#include <map>

#include "core/validate_endpoint.h"

namespace fan {
namespace {

// One fan's part of the registry.
class Registering {
public:
  Registering(const Fan& fan, const Facts& facts, const Answers& answers, Sighted& into)
      : fan_(fan), facts_(facts), answers_(answers), registry_(into.registry), to_ask_(into.to_ask) {}

  void forget_the_gone() {
    std::erase_if(registry_.endpoints, [this](const auto& entry) {
      const Registration& endpoint = entry.second;
      return fan_.slice().contains(endpoint.address) &&
             (is_spoken_for(endpoint.port) ? is_lost(endpoint.port) : !check_port(endpoint.port, fan_, facts_));
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
      return;
    }
    const bool free = known == registry_.endpoints.end() || is_gone(known->second);
    const bool so = seen.learned || is_there(endpoint);
    if (free && so) {
      enter(endpoint);
    }
  }

private:
  // Whoever said that a port is secured, or routed, says what is behind it.
  [[nodiscard]] bool is_spoken_for(const std::string& port) const {
    return registry_.secured.count(port) != 0 || registry_.routed.count(port) != 0;
  }

  // On a fan with `secure` every port is secured that something was seen behind, and nobody speaks for one whose device
  // is gone.
  [[nodiscard]] bool is_lost(const std::string& port) const {
    return fan_.spec.secure && registry_.routed.count(port) == 0 && facts_.link(port) == nullptr;
  }

  // Whether nobody answers for what is registered. Until that is known it stays.
  bool is_gone(const Registration& registered) {
    if (is_spoken_for(registered.port) || answers_.there.count(registered) != 0) {
      return false;
    }
    const bool gone = answers_.gone.count(registered) != 0;
    if (!gone) {
      to_ask_.insert(registered);
    }
    return gone;
  }

  bool is_there(const Registration& claimed) {
    const bool there = answers_.there.count(claimed) != 0;
    if (!there && answers_.gone.count(claimed) == 0) {
      to_ask_.insert(claimed);
    }
    return there;
  }

  void enter(const Registration& endpoint) {
    if (const auto gone = registry_.endpoints.find(endpoint.address); gone != registry_.endpoints.end()) {
      --behind_[gone->second.port];
      registry_.endpoints.erase(gone);
    }
    if (behind_[endpoint.port] < most_seen_behind_port) {
      ++behind_[endpoint.port];
      registry_.endpoints.emplace(endpoint.address, endpoint);
    }
  }

  const Fan& fan_;
  const Facts& facts_;
  const Answers& answers_;
  Registry& registry_;
  std::set<Registration>& to_ask_;
  std::map<std::string, std::size_t> behind_; // addresses, by port
  std::map<Mac, std::string> port_of_;
};

} // namespace

Sighted with_sightings(const Registry& before, const std::vector<Fan>& fans, const Facts& facts,
                       const std::vector<Sighting>& seen, const Answers& answers) {
  Sighted after{before, {}};
  for (const Fan& fan : fans) {
    if (!fan.spec.proxy_arp || facts.link(fan.bridge) == nullptr) {
      continue;
    }
    Registering registering(fan, facts, answers, after);
    registering.forget_the_gone();
    for (const Sighting& sighting : seen) {
      registering.take(sighting);
    }
  }
  return after;
}

} // namespace fan
