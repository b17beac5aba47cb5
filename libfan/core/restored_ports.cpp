#include "core/restored_ports.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/derive.h"
#include "core/derive_ports.h"

namespace fan {
namespace {

constexpr const char* kernel_proxy_delay = "80"; // 1/100 s; arp_tbl, net/ipv4/arp.c

} // namespace

ObjectSet restored_ports(const ObjectSet& before, const ObjectSet& after, const Facts& facts) {
  ObjectSet restored;
  const auto restore = [&](const std::string& key, const char* value) {
    const Object sysctl = Sysctl{key, value};
    if (before.count(key_of(sysctl)) != 0 && after.count(key_of(sysctl)) == 0) {
      restored.emplace(key_of(sysctl), sysctl);
    }
  };
  for (const auto& [port, forwarded] : facts.registry.routed) {
    if (facts.link(port) != nullptr) {
      restore(forwarding_key(port), forwarded ? "1" : "0");
      restore(proxy_key(port), "0");
      restore(proxy_delay_key(port), kernel_proxy_delay);
    }
  }
  for (const std::string& port : facts.registry.unlearning) {
    const Object flag = PortFlag{port, PortFlagName::learning};
    if (before.count(key_of(flag)) != 0 && after.count(key_of(flag)) == 0) {
      restored.emplace(key_of(flag), flag);
    }
  }
  for (const auto& [key, object] : before) {
    const auto* bridge = std::get_if<Bridge>(&object);
    if (bridge != nullptr && after.count(key) != 0) {
      restore(proxy_key(bridge->name), "0");
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
    for (const Sysctl& sysctl :
         {Sysctl{forwarding_key(link->name), forwarded ? "1" : "0"}, Sysctl{proxy_key(link->name), "0"},
          Sysctl{proxy_delay_key(link->name), kernel_proxy_delay}}) {
      if (after.count(key_of(sysctl)) == 0) {
        restored.emplace(key_of(sysctl), sysctl);
      }
    }
  }
  return restored;
}

} // namespace fan
