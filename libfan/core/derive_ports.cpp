#include "core/derive_ports.h"

#include <map>
#include <set>

#include "core/derive.h"
#include "core/firewall_sets.h"
#include "core/port_sets.h"
#include "core/ruleset.h"

namespace fan {
namespace {

// The objects of all fans' ports.
class PortDerivation {
public:
  PortDerivation(ObjectSet& objects, const std::vector<Fan>& fans, const Facts& facts, const std::string& program)
      : objects_(objects), facts_(facts), registry_(facts.registry), program_(program),
        master_of_(bridges_of_ports(facts.links)), secured_(secured_ports(fans)) {}

  void add(const Fan& fan) {
    const std::vector<const Registration*> endpoints = endpoints_of(fan);
    const bool quiet = registry_.quiet.count(fan.bridge) != 0;
    const bool selective = registry_.selective.count(fan.bridge) != 0;
    if (fan.spec.reach || (endpoints.empty() && !quiet && !selective)) {
      return;
    }
    put(Ruleset{ruleset_version(NftTable::bridge), NftTable::bridge});
    put(FdbEntry{fan.bridge, own_ear_mac, {}});
    for (std::uint32_t n = 1; n <= fan.spec.host_reserve; ++n) {
      put(port_sets::answered, fan.slice().at(n).str());
    }
    for (const Registration* endpoint : endpoints) {
      add(fan, *endpoint);
    }
    for (const std::string& port : ports_of(fan)) {
      add_port(port, secured_.count(port) != 0, quiet, selective);
    }
    add_words(fan, quiet, selective);
  }

private:
  void put(Object&& object) {
    std::string key = key_of(object);
    objects_.try_emplace(std::move(key), std::move(object));
  }

  void put(const char* set, std::string element, std::string data = {}) {
    put(SetElement{set, std::move(element), std::move(data), NftTable::bridge});
  }

  [[nodiscard]] std::vector<const Registration*> endpoints_of(const Fan& fan) const {
    std::vector<const Registration*> found;
    for (const auto& [address, endpoint] : registry_.endpoints) {
      if (owns(fan, address)) {
        found.push_back(&endpoint);
      }
    }
    return found;
  }

  [[nodiscard]] bool is_port(const std::string& device, const Fan& fan) const {
    const auto found = master_of_.find(device);
    return found != master_of_.end() && found->second == fan.bridge;
  }

  // With an endpoint of one fan that is secure, all that a port sends is looked at, also what endpoints of others send.
  // A routed one is held by the guard on its device.
  [[nodiscard]] std::set<std::string> secured_ports(const std::vector<Fan>& fans) const {
    std::set<std::string> secured;
    for (const auto& [port, allowed] : registry_.secured) {
      secured.insert(port);
    }
    for (const Fan& fan : fans) {
      if (!fan.spec.secure) {
        continue;
      }
      for (const Registration* endpoint : endpoints_of(fan)) {
        if (registry_.routed.count(endpoint->port) == 0) {
          secured.insert(endpoint->port);
        }
      }
    }
    return secured;
  }

  [[nodiscard]] std::vector<std::string> ports_of(const Fan& fan) const {
    std::vector<std::string> ports;
    for (const auto& [port, master] : master_of_) {
      if (master == fan.bridge) {
        ports.push_back(port);
      }
    }
    return ports;
  }

  void add(const Fan& fan, const Registration& endpoint) {
    const bool secured = secured_.count(endpoint.port) != 0;
    put(port_sets::addresses,
        device_element(endpoint.port) + " . " + endpoint.mac.str() + " . " + endpoint.address.str());
    if (secured) {
      secure(endpoint);
    }
    if (registry_.routed.count(endpoint.port) != 0) {
      add_routed(fan, endpoint);
      return;
    }
    if (!is_port(endpoint.port, fan)) {
      return;
    }
    put(port_sets::answered, endpoint.address.str());
    put(Neighbour{fan.bridge, endpoint.address, endpoint.mac, secured ? secured_endpoint_protocol : endpoint_protocol});
    put(FdbEntry{fan.bridge, endpoint.mac, endpoint.port});
    put(PortFlag{endpoint.port, PortFlagName::proxy_arp_wifi});
    if (secured) {
      // The bridge learns the source of a frame for a link-local group (01:80:c2:00:00:01 to 0f) before the table sees
      // the frame (net/bridge/br_input.c, br_handle_frame).
      put(PortFlag{endpoint.port, PortFlagName::learning});
      if (registry_.unlearning.count(endpoint.port) != 0) {
        put(port_sets::unlearning, device_element(endpoint.port));
      }
    }
  }

  // The guard on the device also makes it known as one that endpoints are behind. The address is its own next hop, so
  // that the kernel sends to the permanent neighbour and asks nobody; proxy ARP tells either side that the others are
  // here.
  void add_routed(const Fan& fan, const Registration& endpoint) {
    const std::string& port = endpoint.port;
    put(port_sets::routed, device_element(port));
    if (registry_.routed.at(port)) {
      put(port_sets::forwarded, device_element(port));
    }
    if (!is_routed_to(endpoint, fan, facts_)) {
      return;
    }
    put(port_sets::answered, endpoint.address.str());
    for (SetElement& element : routed_elements(fan, port, endpoint.address)) {
      put(std::move(element));
    }
    put(Classifier{port, Direction::egress, "bridge_out", program_, true});
    put(Sysctl{proxy_key(fan.bridge), "1"});
    put(Sysctl{proxy_key(port), "1"});
    put(Sysctl{proxy_delay_key(port), "0"});
    put(Sysctl{forwarding_key(port), "1"});
    if (!facts_.link(port)->up) {
      return; // then there are no routes by it, nor neighbours
    }
    put(Neighbour{port, endpoint.address, endpoint.mac, endpoint_protocol});
    put(Route{Prefix::of(endpoint.address, 32), endpoint.address, port, fan.gateway(), fan.mtu});
  }

  void secure(const Registration& endpoint) {
    const std::string device = device_element(endpoint.port);
    put(port_sets::ports, device, port_sets::secured_verdict);
    put(port_sets::macs, device + " . " + endpoint.mac.str());
    put(port_sets::addresses6, device + " . " + endpoint.mac.str() + " . " + ipv6_text(link_local_of(endpoint.mac)));
    put(port_sets::targets6, device + " . " + ipv6_number(link_local_of(endpoint.mac)));
    const auto allowed = registry_.secured.find(endpoint.port);
    if (allowed == registry_.secured.end()) {
      return; // secured by the fan's option
    }
    for (const AnyPrefix& prefix : allowed->second) {
      put(prefix.is_v4() ? port_sets::prefixes : port_sets::prefixes6, device + " . " + prefix.element());
      if (!prefix.is_v4()) {
        put(port_sets::target_prefixes6, device + " . " + prefix.numbers());
      }
    }
  }

  void add_port(const std::string& port, bool is_secured, bool quiet, bool selective) {
    if (!is_secured) {
      put(port_sets::ports, device_element(port), port_sets::plain_verdict);
    }
    if (quiet) {
      put(port_sets::restricted, device_element(port));
    }
    if (selective && registry_.receivers.count(port) == 0) {
      put(PortFlag{port, PortFlagName::bcast_flood});
    }
  }

  // What is said of ports that are gone is forgotten: another device may get the name.
  void add_words(const Fan& fan, bool quiet, bool selective) {
    if (quiet) {
      put(port_sets::quiet, device_element(fan.bridge));
      for (const Sender& sender : registry_.allowed) {
        if (is_port(sender.port, fan)) {
          put(port_sets::allowed, device_element(sender.port) + " . " + sender.mac.str());
        }
      }
    }
    if (selective) {
      put(port_sets::selective, device_element(fan.bridge));
      for (const std::string& port : registry_.receivers) {
        if (is_port(port, fan)) {
          put(port_sets::receivers, device_element(port));
        }
      }
    }
  }

  ObjectSet& objects_;
  const Facts& facts_;
  const Registry& registry_;
  const std::string& program_;
  std::map<std::string, std::string> master_of_; // port → bridge
  std::set<std::string> secured_;
};

} // namespace

bool is_routed_to(const Registration& endpoint, const Fan& fan, const Facts& facts) {
  const LinkFact* link = facts.link(endpoint.port);
  return link != nullptr && link->master == 0 && fan.slice().contains(endpoint.address);
}

std::string proxy_key(const std::string& device) {
  return "net/ipv4/conf/" + device + "/proxy_arp";
}
std::string proxy_delay_key(const std::string& device) {
  return "net/ipv4/neigh/" + device + "/proxy_delay";
}

void derive_ports(ObjectSet& objects, const std::vector<Fan>& fans, const Facts& facts, const std::string& program) {
  if (facts.registry.empty()) {
    return;
  }
  PortDerivation derivation(objects, fans, facts, program);
  for (const Fan& fan : fans) {
    derivation.add(fan);
  }
}

std::array<std::uint8_t, 16> link_local_of(const Mac& mac) {
  const auto& m = mac.bytes;
  return {0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(m[0] ^ 2U), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
}

} // namespace fan
