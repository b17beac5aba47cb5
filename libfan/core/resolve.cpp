#include "core/resolve.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/derive.h"
#include "core/errors.h"
#include "core/mtu.h"
#include "core/names.h"
#include "core/suggest.h"

namespace fan {

namespace {

using Found = Result<std::vector<Candidate>>;

std::string device_of(const AddressFact& address, const Facts& facts) {
  const LinkFact* link = facts.link(address.ifindex);
  return link == nullptr ? std::string() : link->name;
}

// An address other hosts could speak to, on a device that is not one of our own.
bool is_underlay(const AddressFact& address, const Facts& facts) {
  const LinkFact* link = facts.link(address.ifindex);
  return link != nullptr && !address.host_scope && !is_ours(*link);
}

std::string list_addresses(const Facts& facts) {
  std::vector<std::string> texts;
  for (const AddressFact& a : facts.addresses)
    if (is_underlay(a, facts))
      texts.push_back(fmt::format("{} on {}", a.address.str(), device_of(a, facts)));
  return texts.empty() ? "this host has no IPv4 address other than loopback" : "this host has " + some_of(texts);
}

Found of_address(const UnderlayRef& underlay, const Facts& facts) {
  for (const AddressFact& a : facts.addresses)
    if (a.address == underlay.address)
      return std::vector<Candidate>{{a.address, device_of(a, facts)}};
  return host_error(underlay.address.str() + " is not an address of this host", list_addresses(facts));
}

bool names_host(Address address, const Prefix& network) {
  return address != network.network() && address != network.broadcast();
}

Found of_network(const UnderlayRef& underlay, const Facts& facts) {
  std::vector<Candidate> inside;
  std::set<Address> seen;
  for (const AddressFact& a : facts.addresses)
    if (underlay.network.contains(a.address) && names_host(a.address, underlay.network) && is_underlay(a, facts) &&
        seen.insert(a.address).second)
      inside.push_back({a.address, device_of(a, facts)});
  if (inside.empty())
    return host_error("this host has no address in the underlay " + underlay.network.str(), list_addresses(facts));
  return inside;
}

Error no_such_device(const std::string& device, const Facts& facts) {
  std::vector<std::string> names;
  for (const LinkFact& link : facts.links)
    if (!is_ours(link) && link.name != "lo")
      names.push_back(link.name);
  std::string hint = did_you_mean(device, names);
  if (hint.empty() && !names.empty())
    hint = "the devices are: " + some_of(names);
  return host_error("device " + quoted(device) + " does not exist", hint);
}

std::vector<const AddressFact*> suitable(const LinkFact& link, const Facts& facts, bool secondary) {
  std::vector<const AddressFact*> found;
  for (const AddressFact& a : facts.addresses)
    if (a.ifindex == link.ifindex && !a.host_scope && !a.deprecated && a.secondary == secondary)
      found.push_back(&a);
  // A /32 beside others is usually a service address that moves from host to host.
  std::stable_partition(found.begin(), found.end(), [](const AddressFact* a) { return a->prefix_length < 32; });
  return found;
}

Found of_device(const std::string& device, const Facts& facts) {
  const LinkFact* link = facts.link(device);
  if (link == nullptr)
    return no_such_device(device, facts);
  auto found = suitable(*link, facts, false);
  if (found.empty())
    found = suitable(*link, facts, true);
  if (found.empty()) {
    const bool any = std::any_of(facts.addresses.begin(), facts.addresses.end(),
                                 [&](const auto& a) { return a.ifindex == link->ifindex; });
    return host_error(fmt::format("device {} has no {}IPv4 address", quoted(device), any ? "suitable " : ""),
                      any ? "its addresses are deprecated or of host scope; name one to use it nevertheless"
                          : "give it one first; " + list_addresses(facts));
  }
  std::vector<Candidate> result;
  for (const AddressFact* a : found)
    result.push_back({a->address, device});
  return result;
}

Found of_default_route(const Facts& facts) {
  if (facts.default_device.empty())
    return host_error("this host has no IPv4 default route, so 'default' names no device",
                      "name the device or address instead");
  return of_device(facts.default_device, facts);
}

std::vector<SavedForwarding> forwarding_to_save(const std::string& device, const Facts& facts,
                                                const std::vector<Fan>& others) {
  std::vector<SavedForwarding> result;
  for (const std::string& name : forwarding_devices(device, facts)) {
    const LinkFact& link = *facts.link(name);
    if (const SavedForwarding* saved = saved_for(link, others))
      result.push_back({name, saved->was, saved->alone, saved->ifindex});
    else if (!link.forwarding)
      result.push_back({name, false, facts.forwarding, link.ifindex});
  }
  return result;
}

} // namespace

Found candidates(const FanSpec& spec, const Facts& facts) {
  switch (spec.underlay.kind) {
  case UnderlayRef::Kind::address:
    return of_address(spec.underlay, facts);
  case UnderlayRef::Kind::network:
    return of_network(spec.underlay, facts);
  case UnderlayRef::Kind::device:
    return of_device(spec.underlay.device, facts);
  case UnderlayRef::Kind::default_route:
    break;
  }
  return of_default_route(facts);
}

Result<Fan> make_fan(const FanSpec& spec, const Candidate& candidate, std::uint32_t path_mtu, const Facts& facts,
                     const std::vector<Fan>& others) {
  auto mapping = Mapping::make(spec.overlay, Prefix::of(candidate.host, spec.underlay.prefix_length));
  if (!mapping)
    return std::move(mapping).error();
  auto mtu = fan_mtu(spec, path_mtu);
  if (!mtu)
    return std::move(mtu).error();
  return Fan{spec,
             *mapping,
             candidate.host,
             candidate.device,
             *mtu,
             spec.bridge.value_or(bridge_name(mapping->slice_of(candidate.host))),
             spec.reach ? std::vector<SavedForwarding>{} : forwarding_to_save(candidate.device, facts, others)};
}

bool is_linkless(const LinkFact& link) {
  return link.name == loopback || link.kind == "dummy";
}

bool is_same_fan(const Fan& a, const Fan& b) {
  return a.mapping == b.mapping && a.host == b.host;
}

} // namespace fan
