#include "core/explain.h"

#include <algorithm>

#include <fmt/format.h>

namespace fan {

namespace {

Role role_in(const Prefix& slice, Address address, std::uint32_t reserve) {
  const std::uint32_t n = address.v4() - slice.network().v4();
  if (n == 0)
    return Role::network;
  if (address == slice.broadcast())
    return Role::broadcast;
  if (n == 1)
    return Role::gateway;
  return n <= reserve ? Role::reserved : Role::pool;
}

OuterHeader outer_for(const KnownMapping& known, Address destination) {
  OuterHeader outer;
  if (known.own_hosts.size() == 1)
    outer.source = known.own_hosts.front();
  outer.destination = destination;
  if (known.encapsulation == Encapsulation::ipip) {
    outer.protocol = 4;
    return outer;
  }
  outer.port = known.port;
  outer.vni = known.vni;
  return outer;
}

std::string names_no_host(Address host, const Prefix& underlay) {
  return fmt::format("{} has a host part of all {} in the underlay {}: it names a network, not a host", host.str(),
                     host == underlay.network() ? "zeros" : "ones", underlay.str());
}

// Why nothing is sent to an address of this role; "" when something is.
std::string why_not_to(const Explanation& e) {
  if (e.role == Role::network)
    return fmt::format("it is the network address of the slice {}", e.slice->str());
  if (e.role == Role::broadcast)
    return fmt::format("it is the broadcast address of the slice {}, and broadcasts stay on their host",
                       e.slice->str());
  if (e.own)
    return "it is in this host's own slice: the packet stays on this host";
  return "";
}

bool is_own(Address host, const KnownMapping& known) {
  return std::find(known.own_hosts.begin(), known.own_hosts.end(), host) != known.own_hosts.end();
}

Explanation explain_overlay(Address address, const KnownMapping& known) {
  Explanation e;
  e.address = address;
  e.mapping = known.mapping;
  e.host = known.mapping.host_of(address);
  e.slice = known.mapping.slice_of(*e.host);
  e.own = is_own(*e.host, known);
  if (!known.mapping.usable_host(*e.host)) {
    e.role = Role::no_host;
    e.why_not = names_no_host(*e.host, known.mapping.underlay());
    return e;
  }
  e.role = role_in(*e.slice, address, known.reserve);
  if (const Pool* pool = pool_with(known.pools, address.v4() - e.slice->network().v4()))
    e.pool = pool->name;
  e.why_not = why_not_to(e);
  if (e.why_not.empty())
    e.outer = outer_for(known, *e.host);
  e.shortcut = known.shortcut && e.role == Role::pool && !e.own;
  return e;
}

Explanation explain_underlay(Address address, const KnownMapping& known) {
  Explanation e;
  e.address = address;
  e.mapping = known.mapping;
  e.host = address;
  e.own = is_own(address, known);
  if (!known.mapping.usable_host(address)) {
    e.role = Role::no_host;
    e.why_not = names_no_host(address, known.mapping.underlay());
    return e;
  }
  e.role = Role::host;
  e.slice = known.mapping.slice_of(address);
  e.why_not = "it is an underlay address: packets to it go there plainly, by no tunnel";
  return e;
}

Explanation explain_outside(Address address, std::span<const KnownMapping> mappings) {
  Explanation e;
  e.address = address;
  e.why_not = mappings.empty() ? "no mapping is known" : "it is outside every overlay and underlay that is known:";
  for (const KnownMapping& known : mappings)
    e.why_not += fmt::format(" {} over {}", known.mapping.overlay().str(), known.mapping.underlay().str());
  return e;
}

} // namespace

std::vector<KnownMapping> known_from(const std::vector<Fan>& fans) {
  std::vector<KnownMapping> all;
  for (const Fan& fan : fans) {
    auto known = std::find_if(all.begin(), all.end(), [&](const KnownMapping& k) { return k.mapping == fan.mapping; });
    if (known == all.end())
      known = all.insert(all.end(), {fan.mapping,
                                     fan.spec.host_reserve,
                                     fan.spec.encapsulation,
                                     fan.vni(),
                                     fan.port(),
                                     fan.spec.pools,
                                     {},
                                     false});
    known->own_hosts.push_back(fan.host);
    known->shortcut = known->shortcut || fan.spec.shortcut;
  }
  return all;
}

Result<KnownMapping> known_from(const FanSpec& spec, Address host) {
  auto mapping = Mapping::make(spec.overlay, Prefix::of(host, spec.underlay.prefix_length));
  if (!mapping)
    return std::move(mapping).error();
  return KnownMapping{*mapping,
                      spec.host_reserve,
                      spec.encapsulation,
                      spec.vni.value_or(default_vni(spec.overlay)),
                      spec.port.value_or(default_vxlan_port),
                      spec.pools,
                      {},
                      spec.shortcut};
}

std::string_view name_of(Role role) {
  switch (role) {
  case Role::outside:
    return "outside";
  case Role::host:
    return "host";
  case Role::no_host:
    return "no host";
  case Role::network:
    return "network";
  case Role::gateway:
    return "gateway";
  case Role::reserved:
    return "reserved";
  case Role::pool:
    return "pool";
  case Role::broadcast:
    return "broadcast";
  }
  return "unknown";
}

std::vector<Explanation> explain(Address address, std::span<const KnownMapping> mappings) {
  std::vector<Explanation> all;
  for (const KnownMapping& known : mappings) {
    if (known.mapping.overlay().contains(address))
      all.push_back(explain_overlay(address, known));
    else if (known.mapping.underlay().contains(address))
      all.push_back(explain_underlay(address, known));
  }
  if (all.empty())
    all.push_back(explain_outside(address, mappings));
  return all;
}

} // namespace fan
