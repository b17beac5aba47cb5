#include "core/port_sets.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/derive.h"
#include "core/firewall_sets.h"
#include "core/ruleset.h"

namespace fan {
namespace {

constexpr std::string_view joint = " . ";

// Takes the device's name, in quotes, off the front of an element.
std::optional<std::string> take_device(std::string_view& text) {
  const std::size_t end = text.starts_with('"') ? text.find('"', 1) : std::string_view::npos;
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string device(text.substr(1, end - 1));
  text.remove_prefix(end + 1);
  text.remove_prefix(text.starts_with(joint) ? joint.size() : 0);
  return device;
}

std::optional<Mac> take_mac(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(joint));
  const auto mac = Mac::parse(word);
  text.remove_prefix(std::min(text.size(), word.size() + joint.size()));
  return mac ? std::optional(*mac) : std::nullopt;
}

// The bridge that each port is a port of.
std::map<std::string, std::string> bridges_of_ports(const std::vector<LinkFact>& links) {
  std::map<std::uint32_t, std::string> bridges;
  for (const LinkFact& link : links) {
    if (link.kind == "bridge") {
      bridges.emplace(link.ifindex, link.name);
    }
  }
  std::map<std::string, std::string> found;
  for (const LinkFact& link : links) {
    if (const auto master = bridges.find(link.master); master != bridges.end()) {
      found.emplace(link.name, master->second);
    }
  }
  return found;
}

// Reads elements into a registry, kind by kind.
class Reader {
public:
  void read(const SetElement& element) {
    std::string_view rest = element.element;
    const auto device = take_device(rest);
    if (element.table != NftTable::bridge || !device) {
      return;
    }
    if (element.set == port_sets::addresses) {
      read_address(*device, rest);
    } else if (element.set == port_sets::ports && element.data == port_sets::secured_verdict) {
      registry_.secured.try_emplace(*device);
    } else if (element.set == port_sets::prefixes || element.set == port_sets::prefixes6) {
      if (const auto prefix = AnyPrefix::parse(rest)) {
        prefixes_[*device].insert(*prefix);
      }
    } else if (element.set == port_sets::allowed) {
      if (const auto mac = take_mac(rest)) {
        registry_.allowed.insert({*device, *mac});
      }
    } else if (element.set == port_sets::restricted) {
      restricted_.insert(*device);
    } else {
      read_name(element.set, *device);
    }
  }

  // What is not said by the elements because somebody deleted them, and is still to be seen elsewhere.
  void add_remembered(const Registry& remembered) {
    for (const auto& [address, endpoint] : remembered.endpoints) {
      registry_.endpoints.try_emplace(address, endpoint);
    }
    for (const auto& [address, endpoint] : registry_.endpoints) {
      const auto routed = remembered.routed.find(endpoint.port);
      if (routed != remembered.routed.end()) {
        registry_.routed.insert(*routed);
      }
      if (remembered.secured.count(endpoint.port) != 0) {
        registry_.secured.try_emplace(endpoint.port);
      }
    }
  }

  // What we have not switched off ourselves.
  void add_unlearning(const std::vector<LinkFact>& links) {
    for (const LinkFact& link : links) {
      if (!link.learning && registry_.secured.count(link.name) == 0) {
        registry_.unlearning.insert(link.name);
      }
    }
  }

  // Each port says what holds for its bridge.
  void add_bridges(const std::vector<LinkFact>& links) {
    if (restricted_.empty() && registry_.receivers.empty()) {
      return;
    }
    for (const auto& [port, bridge] : bridges_of_ports(links)) {
      if (restricted_.count(port) != 0) {
        registry_.quiet.insert(bridge);
      }
      if (registry_.receivers.count(port) != 0) {
        registry_.selective.insert(bridge);
      }
    }
  }

  Registry take() && {
    for (auto& [port, prefixes] : prefixes_) {
      if (const auto secured = registry_.secured.find(port); secured != registry_.secured.end()) {
        secured->second = std::move(prefixes);
      }
    }
    return std::move(registry_);
  }

private:
  void read_address(const std::string& device, std::string_view rest) {
    const auto mac = take_mac(rest);
    const auto address = Address::parse(rest);
    if (mac && address) {
      registry_.endpoints.try_emplace(*address, Registration{*address, device, *mac});
    }
  }

  void read_name(const std::string& set, const std::string& device) {
    if (set == port_sets::routed) {
      registry_.routed.try_emplace(device, false);
    } else if (set == port_sets::forwarded) {
      registry_.routed[device] = true;
    } else if (set == port_sets::unlearning) {
      registry_.unlearning.insert(device);
    } else if (set == port_sets::quiet) {
      registry_.quiet.insert(device);
    } else if (set == port_sets::selective) {
      registry_.selective.insert(device);
    } else if (set == port_sets::receivers) {
      registry_.receivers.insert(device);
    }
  }

  Registry registry_;
  std::map<std::string, std::set<AnyPrefix>> prefixes_;
  std::set<std::string> restricted_; // ports
};

std::string proxy_key(const std::string& device) {
  return "net/ipv4/conf/" + device + "/proxy_arp";
}
std::string proxy_delay_key(const std::string& device) {
  return "net/ipv4/neigh/" + device + "/proxy_delay";
}
constexpr const char* kernel_proxy_delay = "80"; // 1/100 s; arp_tbl, net/ipv4/arp.c

// The objects of all fans' ports.
class Derivation {
public:
  Derivation(const Facts& facts, const Registry& registry, const std::string& program)
      : facts_(facts), registry_(registry), program_(program), master_of_(bridges_of_ports(facts.links)) {}

  void add(const Fan& fan) {
    const std::vector<const Registration*> endpoints = endpoints_of(fan);
    const bool quiet = registry_.quiet.count(fan.bridge) != 0;
    const bool selective = registry_.selective.count(fan.bridge) != 0;
    if (fan.spec.reach || (endpoints.empty() && !quiet && !selective)) {
      return;
    }
    objects_.emplace_back(FdbEntry{fan.bridge, own_ear_mac, {}});
    for (std::uint32_t n = 1; n <= fan.spec.host_reserve; ++n) {
      put(port_sets::answered, fan.slice().at(n).str());
    }
    std::set<std::string> used;
    for (const Registration* endpoint : endpoints) {
      add(fan, *endpoint);
      used.insert(endpoint->port);
    }
    for (const std::string& port : ports_of(fan)) {
      const bool secured = used.count(port) != 0 ? is_secured(fan, port) : registry_.secured.count(port) != 0;
      add_port(port, secured, quiet, selective);
    }
    add_words(fan, quiet, selective);
  }

  std::vector<Object> take() && {
    if (!objects_.empty()) {
      objects_.emplace_back(Ruleset{ruleset_version(NftTable::bridge), NftTable::bridge});
    }
    return std::move(objects_);
  }

private:
  void put(const char* set, std::string element, std::string data = {}) {
    objects_.emplace_back(SetElement{set, std::move(element), std::move(data), NftTable::bridge});
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

  // Of a port that has an endpoint. A routed one is held by the guard on its device.
  [[nodiscard]] bool is_secured(const Fan& fan, const std::string& port) const {
    return registry_.secured.count(port) != 0 || (fan.spec.secure && registry_.routed.count(port) == 0);
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
    const bool secured = is_secured(fan, endpoint.port);
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
    objects_.emplace_back(
        Neighbour{fan.bridge, endpoint.address, endpoint.mac, secured ? secured_endpoint_protocol : endpoint_protocol});
    objects_.emplace_back(FdbEntry{fan.bridge, endpoint.mac, endpoint.port});
    objects_.emplace_back(PortFlag{endpoint.port, PortFlagName::proxy_arp_wifi});
    if (secured) {
      // The bridge learns the source of a frame for a link-local group (01:80:c2:00:00:01 to 0f) before the table sees
      // the frame (net/bridge/br_input.c, br_handle_frame).
      objects_.emplace_back(PortFlag{endpoint.port, PortFlagName::learning});
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
    const LinkFact* link = facts_.link(port);
    if (link == nullptr || link->master != 0 || !fan.slice().contains(endpoint.address)) {
      return;
    }
    put(port_sets::answered, endpoint.address.str());
    for (SetElement& element : routed_elements(fan, port, endpoint.address)) {
      objects_.emplace_back(std::move(element));
    }
    objects_.emplace_back(Classifier{port, Direction::egress, "bridge_out", program_, true});
    objects_.emplace_back(Sysctl{proxy_key(fan.bridge), "1"});
    objects_.emplace_back(Sysctl{proxy_key(port), "1"});
    objects_.emplace_back(Sysctl{proxy_delay_key(port), "0"});
    objects_.emplace_back(Sysctl{forwarding_key(port), "1"});
    if (!link->up) {
      return; // then there are no routes by it, nor neighbours
    }
    objects_.emplace_back(Neighbour{port, endpoint.address, endpoint.mac, endpoint_protocol});
    objects_.emplace_back(Route{Prefix::of(endpoint.address, 32), endpoint.address, port, fan.gateway(), fan.mtu});
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
      objects_.emplace_back(PortFlag{port, PortFlagName::bcast_flood});
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

  const Facts& facts_;
  const Registry& registry_;
  const std::string& program_;
  std::map<std::string, std::string> master_of_; // port → bridge
  std::vector<Object> objects_;
};

} // namespace

Registry registry_of(const std::vector<SetElement>& elements, const Registry& remembered,
                     const std::vector<LinkFact>& links) {
  Reader reader;
  for (const SetElement& element : elements) {
    reader.read(element);
  }
  reader.add_remembered(remembered);
  reader.add_unlearning(links);
  reader.add_bridges(links);
  return std::move(reader).take();
}

bool owns(const Fan& fan, Address address) {
  return fan.slice().contains(address) || std::any_of(fan.former.begin(), fan.former.end(), [&](Address host) {
           return fan.slice_of_former(host).contains(address);
         });
}

std::vector<Object> derive_ports(const std::vector<Fan>& fans, const Facts& facts, const std::string& program) {
  const Registry& registry = facts.registry;
  if (registry.empty()) {
    return {};
  }
  Derivation derivation(facts, registry, program);
  for (const Fan& fan : fans) {
    derivation.add(fan);
  }
  return std::move(derivation).take();
}

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

std::array<std::uint8_t, 16> link_local_of(const Mac& mac) {
  const auto& m = mac.bytes;
  return {0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(m[0] ^ 2U), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
}

} // namespace fan
