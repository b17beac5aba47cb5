#include "core/derive.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/derive_ports.h"
#include "core/dhcp.h"
#include "core/firewall_sets.h"
#include "core/mtu.h"
#include "core/names.h"
#include "core/record.h"

namespace fan {
namespace {

// The objects of all fans, merged as they come: what two fans share is one object.
class Derivation {
public:
  Derivation(const Facts& facts, const Builds& builds, const std::vector<Fan>& fans) : facts_(facts), builds_(builds) {
    for (const Fan& fan : fans) {
      note_tunnels(fan);
      hosts_.insert(fan.host);
    }
    for (const AddressFact& address : facts.addresses) {
      hosts_.insert(address.address);
    }
  }

  void add(const Fan& fan) {
    if (fan.spec.reach) {
      add_reaching_address(fan);
    } else {
      add_bridge(fan);
      add_shortcut(fan);
      add_forwarding(fan);
    }
    for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan}) {
      if (fan.accepts(e)) {
        add_tunnel(fan, e);
      }
    }
    add_rows(fan);
    add_route(fan);
    if (fan.spec.dhcp) {
      put(DhcpServer{fan.bridge, dhcp_argv(fan, facts_.state_directory)});
    }
  }

  // Of all fans at once: the kernel refuses prefixes that overlap in one set.
  void add_firewall(const std::vector<Fan>& fans) {
    put(Ruleset{builds_.ruleset});
    for (const SetElement& element : firewall_elements(fans)) {
      put(element);
    }
    for (const Fan& fan : fans) {
      add_former(fan, fans);
    }
  }

  void add_ports(const std::vector<Fan>& fans) { derive_ports(objects_, fans, facts_, builds_.program); }

  ObjectSet take() && { return std::move(objects_); }

private:
  // One fan that takes the shortcut is enough for the tunnel that it shares with others.
  void note_tunnels(const Fan& fan) {
    for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan}) {
      if (fan.spec.shortcut && fan.accepts(e)) {
        shortcut_tunnels_.insert(tunnel_name(e, fan.port()));
      }
    }
  }

  // The first fan in order decides about what is shared.
  void put(const Object& object) { objects_.try_emplace(key_of(object), object); }

  // The program that takes the shortcut out of the tunnel stands in for the one that does not; a row says whose
  // packets.
  void add_shortcut(const Fan& fan) {
    if (fan.spec.shortcut) {
      put(ShortcutRow{fan.slice(), fan.bridge});
      put(Classifier{fan.bridge, Direction::ingress, "bridge_in", builds_.program, true});
    }
  }

  [[nodiscard]] bool takes_shortcut(const std::string& tunnel) const { return shortcut_tunnels_.count(tunnel) != 0; }

  void add_bridge(const Fan& fan) {
    put(Bridge{fan.bridge, bridge_mac(fan.slice()), fan.mtu, alias_of(fan)});
    put(Classifier{fan.bridge, Direction::egress, "bridge_out", builds_.program, true});
    put(Sysctl{forwarding_key(fan.bridge), "1"});
    if (facts_.ipv6 && fan.mtu >= least_ipv6_mtu) {
      put(Sysctl{"net/ipv6/conf/" + fan.bridge + "/accept_ra", "0"}); // CVE-2020-13401: a container's advertisement
    }
    for (std::uint32_t n = 1; n <= fan.spec.host_reserve; ++n) {
      put(InterfaceAddress{fan.bridge, fan.slice().at(n), fan.slice().length()});
    }
    put(LinkUp{fan.bridge});
    if (fan.spec.snooping) {
      put(Querier{fan.bridge, querier_response_interval});
    }
  }

  // A host without a bridge speaks from the gateway's address. It is not on the tunnel device: with the last address of
  // a device the kernel drops all routes by it, those of other fans too (fib_disable_ip in net/ipv4/fib_frontend.c).
  void add_reaching_address(const Fan& fan) { put(InterfaceAddress{loopback, fan.gateway(), 32}); }

  // With br_netfilter frames between two ports meet the firewall, which would take those of an old slice for forged.
  // What leaves for the world is translated as before, so that the underlay does not see the overlay's addresses.
  void add_former(const Fan& fan, const std::vector<Fan>& all) {
    for (const Address address : fan.former) {
      const Prefix old = fan.slice_of_former(address);
      const bool taken = std::any_of(all.begin(), all.end(), [&](const Fan& f) { return f.slice().overlaps(old); });
      if (!taken) {
        put(SetElement{firewall::bridge_slices, device_element(fan.bridge) + " . " + prefix_element(old), {}});
        if (fan.spec.nat) {
          put(SetElement{firewall::nat_slices, prefix_element(old), {}});
        }
      }
    }
  }

  void add_tunnel(const Fan& fan, Encapsulation e) {
    const std::string name = tunnel_name(e, fan.port());
    const std::string suffix{name_of(e)};
    Tunnel tunnel{name, e, e == Encapsulation::vxlan ? fan.port() : std::uint16_t{0}, {}, fan.mtu, "noqueue"};
    if (e == Encapsulation::vxlan) {
      tunnel.mac = mac_of_tunnel(name, fan.host);
      put(Neighbour{name, next_hop, next_hop_mac});
    }
    std::uint32_t mtu = tunnel.mtu;
    if (const auto other = objects_.find(key_of(Object(tunnel))); other != objects_.end()) {
      auto& shared = *std::get_if<Tunnel>(&other->second);
      mtu = shared.mtu = std::max(shared.mtu, tunnel.mtu);
    }
    put(tunnel);
    put(Classifier{name, Direction::ingress, "tunnel_in_" + suffix + (takes_shortcut(name) ? "_shortcut" : ""),
                   builds_.program, true});
    put(Classifier{name, Direction::egress, "tunnel_out_" + suffix, builds_.program, true});
    if (!fan.spec.reach) {
      put(Sysctl{forwarding_key(name), "1"});
    }
    if (facts_.ipv6 && mtu >= least_ipv6_mtu) {
      put(Sysctl{"net/ipv6/conf/" + name + "/disable_ipv6", "1"});
    }
    put(LinkUp{name});
  }

  // The MAC that the device has, when it is that of an address of this host: the fan that it was made for may be gone.
  // Whoever has an address that was this host's has its MAC too, and the kernel drops frames that come from its own.
  [[nodiscard]] Mac mac_of_tunnel(const std::string& name, Address host) const {
    const LinkFact* link = facts_.link(name);
    const bool holds = link != nullptr && std::any_of(hosts_.begin(), hosts_.end(), [link](Address address) {
                         return tunnel_mac(address) == link->mac;
                       });
    return holds ? link->mac : tunnel_mac(host);
  }

  void add_rows(const Fan& fan) {
    put(RecordRow{fan.bridge, record_of(fan)});
    put(MappingRow{fan.mapping.overlay(), fan.mapping.underlay(), fan.vni(), fan.spec.encapsulation});
    put(slice_row(fan));
    for (const AddressFact& address : facts_.addresses) {
      if (fan.mapping.underlay().contains(address.address) && address.prefix_length <= 30) {
        const Prefix connected = Prefix::of(address.address, address.prefix_length);
        put_never(fan, connected.network());
        put_never(fan, connected.broadcast());
      }
    }
  }

  void put_never(const Fan& fan, Address address) {
    if (fan.mapping.underlay().contains(address)) {
      put(NeverRow{address});
    }
  }

  static SliceRow slice_row(const Fan& fan) {
    SliceRow row;
    row.slice = fan.slice();
    row.host = fan.host;
    row.overlay = fan.mapping.overlay();
    row.underlay = fan.mapping.underlay();
    row.vni = fan.vni();
    row.accept_ipip = fan.accepts(Encapsulation::ipip);
    row.accept_vxlan = fan.accepts(Encapsulation::vxlan);
    row.least_ttl = static_cast<std::uint8_t>(fan.spec.ttl_security ? 256 - *fan.spec.ttl_security : 0);
    row.strict = fan.spec.strict;
    row.open = !fan.spec.isolate;
    row.reserve = fan.spec.host_reserve;
    row.port = fan.port();
    return row;
  }

  void add_forwarding(const Fan& fan) {
    for (const std::string& device : forwarding_devices(fan.device, facts_)) {
      put(Sysctl{forwarding_key(device), "1"});
    }
  }

  void add_route(const Fan& fan) {
    const std::string device = tunnel_name(fan.spec.encapsulation, fan.port());
    put(Route{fan.mapping.overlay(), next_hop, device, fan.gateway(), fan.mtu});
  }

  const Facts& facts_;
  const Builds& builds_;
  std::set<std::string> shortcut_tunnels_;
  std::set<Address> hosts_; // of the fans, and every other address of this host
  ObjectSet objects_;
};

bool is_for(const SavedForwarding& saved, const LinkFact& link) {
  return saved.ifindex != 0 ? saved.ifindex == link.ifindex : saved.device == link.name;
}

} // namespace

std::string forwarding_key(const std::string& device) {
  return "net/ipv4/conf/" + device + "/forwarding";
}

std::set<std::string> forwarding_devices(const std::string& device, const Facts& facts) {
  std::set<std::string> devices{device, facts.default_device};
  devices.insert(facts.other_hops.begin(), facts.other_hops.end());
  std::erase_if(devices, [&facts](const std::string& name) { return facts.link(name) == nullptr; });
  return devices;
}

ObjectSet derive(const std::vector<Fan>& fans, const Facts& facts, const Builds& builds) {
  std::vector<Fan> ordered = fans;
  std::sort(ordered.begin(), ordered.end(), [](const Fan& a, const Fan& b) { return a.slice() < b.slice(); });
  Derivation derivation(facts, builds, ordered);
  for (const Fan& fan : ordered) {
    derivation.add(fan);
  }
  if (!ordered.empty()) {
    derivation.add_firewall(ordered);
    derivation.add_ports(ordered);
  }
  return std::move(derivation).take();
}

const LinkFact* link_of(const SavedForwarding& saved, const Facts& facts) {
  return saved.ifindex != 0 ? facts.link(saved.ifindex) : facts.link(saved.device);
}

const SavedForwarding* saved_for(const LinkFact& link, const std::vector<Fan>& fans) {
  for (const Fan& fan : fans) {
    for (const SavedForwarding& saved : fan.forwarding) {
      if (is_for(saved, link)) {
        return &saved;
      }
    }
  }
  return nullptr;
}

ObjectSet derive_restored(const std::vector<Fan>& before, const std::vector<Fan>& after, const Facts& facts) {
  ObjectSet restored;
  for (const Fan& fan : before) {
    for (const SavedForwarding& saved : fan.forwarding) {
      const LinkFact* link = link_of(saved, facts);
      if (link == nullptr) {
        continue;
      }
      const bool still_needed = saved_for(*link, after) != nullptr;
      // Whoever has switched the whole host on meanwhile, as Docker does, needs every device.
      const bool needed_by_others = !saved.was && !saved.alone && facts.forwarding;
      if (!still_needed && !needed_by_others) {
        Object object = Sysctl{forwarding_key(link->name), saved.was ? "1" : "0"};
        restored.emplace(key_of(object), std::move(object));
      }
    }
  }
  return restored;
}

ObjectSet restored_tunnels(const ObjectSet& before, const ObjectSet& after, const Facts& facts) {
  ObjectSet restored;
  for (const auto& [key, object] : after) {
    const auto* tunnel = std::get_if<Tunnel>(&object);
    if (tunnel == nullptr || facts.forwarding) { // as each new device of a host that forwards
      continue;
    }
    const Object sysctl = Sysctl{forwarding_key(tunnel->name), "0"};
    if (before.count(key_of(sysctl)) != 0 && after.count(key_of(sysctl)) == 0) {
      restored.emplace(key_of(sysctl), sysctl);
    }
  }
  return restored;
}

} // namespace fan
