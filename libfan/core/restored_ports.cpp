#include "core/restored_ports.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "core/derive.h"
#include "core/derive_ports.h"

namespace fan {
namespace {

constexpr const char* kernel_proxy_delay = "80"; // 1/100 s; arp_tbl, net/ipv4/arp.c

// What a routed port, or a device with a guard, has again when it is neither any more.
std::array<Object, 3> settings_before(const std::string& device, bool forwarded) {
  return {Sysctl{forwarding_key(device), forwarded ? "1" : "0"}, Sysctl{proxy_key(device), "0"},
          Sysctl{proxy_delay_key(device), kernel_proxy_delay}};
}

} // namespace

ObjectSet restored_ports(const ObjectSet& before, const ObjectSet& after, const Facts& facts) {
  ObjectSet restored;
  const auto restore = [&](const Object& object) {
    const std::string key = key_of(object);
    if (before.count(key) != 0 && after.count(key) == 0) {
      restored.emplace(key, object);
    }
  };
  for (const auto& [port, forwarded] : facts.registry.routed) {
    if (facts.link(port) != nullptr) {
      for (const Object& setting : settings_before(port, forwarded)) {
        restore(setting);
      }
    }
  }
  for (const std::string& port : facts.registry.unlearning) {
    restore(PortFlag{port, PortFlagName::learning});
  }
  for (const auto& [key, object] : before) {
    const auto* bridge = std::get_if<Bridge>(&object);
    if (bridge != nullptr && after.count(key) != 0) {
      restore(Sysctl{proxy_key(bridge->name), "0"});
    }
  }
  return restored;
}

// What a device forwarded before is kept by its name. Of one that has another name by now it is not known: most
// likely it was as with the host's other devices, and where one of those that are gone had it on, it stays on.
ObjectSet restored_by_guards(const ObservedSet& observed, const ObjectSet& after, const Facts& facts) {
  const std::map<std::string, bool>& routed = facts.registry.routed;
  const bool may_have_forwarded = facts.forwarding || std::any_of(routed.begin(), routed.end(), [&](const auto& port) {
                                    return port.second && facts.link(port.first) == nullptr;
                                  });
  ObjectSet restored;
  for (const auto& [key, found] : observed) {
    const auto* guard = std::get_if<Classifier>(&found.object);
    const bool goes = guard != nullptr && found.ours && guard->program == "bridge_out" && after.count(key) == 0;
    const LinkFact* link = goes ? facts.link(guard->device) : nullptr;
    if (link == nullptr || link->kind == "bridge") {
      continue;
    }
    const auto known = routed.find(link->name);
    const bool forwarded = known != routed.end() ? known->second : may_have_forwarded;
    for (const Object& setting : settings_before(link->name, forwarded)) {
      if (after.count(key_of(setting)) == 0) {
        restored.emplace(key_of(setting), setting);
      }
    }
  }
  return restored;
}

} // namespace fan
