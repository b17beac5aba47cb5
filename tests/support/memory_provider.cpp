#include "support/memory_provider.h"

#include <algorithm>
#include <cerrno>

#include "core/diff.h"
#include "core/port_sets.h"

namespace fan::test {
namespace {

Error kernel_says(int number, const std::string& message) {
  Error error;
  error.kind = ErrorClass::kernel;
  error.sys_errno = number;
  error.message = message;
  return error;
}

bool is_row(const Object& object) {
  return std::holds_alternative<RecordRow>(object) || std::holds_alternative<MappingRow>(object) ||
         std::holds_alternative<SliceRow>(object) || std::holds_alternative<NeverRow>(object) ||
         std::holds_alternative<ShortcutRow>(object);
}

bool has_classifier(const ObservedSet& state) {
  return std::any_of(state.begin(), state.end(),
                     [](const auto& entry) { return std::holds_alternative<Classifier>(entry.second.object); });
}

// "eth0" of "net/ipv4/conf/eth0/forwarding" and of "net/ipv4/neigh/eth0/proxy_delay".
std::string device_in(const std::string& sysctl) {
  const std::size_t end = sysctl.rfind('/');
  const std::size_t begin = sysctl.rfind('/', end - 1) + 1;
  return sysctl.substr(begin, end - begin);
}

bool of_device(const Object& object, const std::string& device) {
  if (const auto* sysctl = std::get_if<Sysctl>(&object)) {
    return device_in(sysctl->key) == device;
  }
  return device_of(object) == device;
}

std::uint32_t index_of(const Facts& facts) {
  return static_cast<std::uint32_t>(facts.links.size()) + 1;
}

} // namespace

MemoryProvider MemoryProvider::host(Address address, unsigned prefix_length) {
  MemoryProvider provider;
  LinkFact eth0;
  eth0.ifindex = 1;
  eth0.name = "eth0";
  eth0.up = true;
  eth0.mtu = 1500;
  provider.base.links.push_back(eth0);
  AddressFact fact;
  fact.ifindex = 1;
  fact.address = address;
  fact.prefix_length = prefix_length;
  provider.base.addresses.push_back(fact);
  provider.base.default_device = "eth0";
  provider.base.state_directory = "/run/fanctl-memory";
  provider.base.ipv6 = true;
  provider.objects.emplace("sysctl net/ipv4/conf/eth0/forwarding",
                           Observed{Sysctl{"net/ipv4/conf/eth0/forwarding", "0"}, false});
  return provider;
}

Result<Facts> MemoryProvider::facts() {
  Facts facts = base;
  std::vector<SetElement> elements;
  for (LinkFact& link : facts.links) {
    const auto forwarding = objects.find("sysctl net/ipv4/conf/" + link.name + "/forwarding");
    link.forwarding = forwarding != objects.end() && std::get<Sysctl>(forwarding->second.object).value == "1";
  }
  for (const auto& [key, found] : objects) {
    LinkFact link;
    link.ifindex = index_of(facts);
    link.group = found.ours ? link_group : 0;
    if (const auto* bridge = std::get_if<Bridge>(&found.object)) {
      link.name = bridge->name;
      link.kind = "bridge";
      link.alias = bridge->alias;
      link.mac = bridge->mac;
      link.mtu = bridge->mtu;
      facts.links.push_back(link);
    } else if (const auto* tunnel = std::get_if<Tunnel>(&found.object)) {
      link.name = tunnel->name;
      link.kind = name_of(tunnel->encapsulation);
      link.external = true;
      link.port = tunnel->port;
      link.mac = tunnel->mac;
      link.mtu = tunnel->mtu;
      facts.links.push_back(link);
    } else if (const auto* record = std::get_if<RecordRow>(&found.object)) {
      facts.records.push_back({record->bridge, record->text});
    } else if (const auto* element = std::get_if<SetElement>(&found.object)) {
      elements.push_back(*element);
    }
  }
  facts.registry = registry_of(elements);
  return facts;
}

Result<std::uint32_t> MemoryProvider::path_mtu(const Prefix& /*underlay*/, Address /*source*/,
                                               const std::string& device) {
  const LinkFact* link = base.link(device);
  if (link == nullptr) {
    return kernel_says(ENODEV, "no device " + device);
  }
  return link->mtu;
}

Result<std::optional<Address>> MemoryProvider::preferred_source(const Prefix& underlay, const std::string& /*device*/) {
  for (const AddressFact& fact : base.addresses) {
    if (underlay.contains(fact.address)) {
      return std::optional<Address>(fact.address);
    }
  }
  return std::optional<Address>();
}

Result<std::optional<std::string>> MemoryProvider::device_into(const Prefix& /*underlay*/) {
  return base.default_device.empty() ? std::optional<std::string>() : std::optional(base.default_device);
}

Result<std::optional<std::string>> MemoryProvider::overlapping_route(const Prefix& /*overlay*/) {
  return foreign_route;
}

Result<ObservedSet> MemoryProvider::observe(const Scope& scope) {
  ObservedSet seen;
  for (const auto& [key, found] : objects) {
    const auto* sysctl = std::get_if<Sysctl>(&found.object);
    if (sysctl == nullptr || scope.sysctls.count(sysctl->key) != 0) {
      seen.emplace(key, found);
    }
  }
  return seen;
}

void MemoryProvider::take_along(ObservedSet& state, const Object& removed) {
  if (const auto device = device_state(removed)) {
    std::erase_if(state, [&](const auto& entry) { return of_device(entry.second.object, device->name); });
  }
  if (const auto* link = std::get_if<LinkUp>(&removed)) {
    std::erase_if(state, [&](const auto& entry) {
      const Object& o = entry.second.object;
      return (std::holds_alternative<Route>(o) || std::holds_alternative<Neighbour>(o)) && device_of(o) == link->device;
    });
  }
  if (const auto* address = std::get_if<InterfaceAddress>(&removed)) {
    const bool last = std::none_of(state.begin(), state.end(), [&](const auto& entry) {
      const auto* other = std::get_if<InterfaceAddress>(&entry.second.object);
      return other != nullptr && other->device == address->device;
    });
    std::erase_if(state, [&](const auto& entry) {
      const Object& o = entry.second.object;
      return last && (std::holds_alternative<Route>(o) || std::holds_alternative<Neighbour>(o)) &&
             device_of(o) == address->device;
    });
  }
  if (const auto* ruleset = std::get_if<Ruleset>(&removed)) {
    std::erase_if(state, [&](const auto& entry) {
      const auto* element = std::get_if<SetElement>(&entry.second.object);
      return element != nullptr && element->table == ruleset->table;
    });
  }
}

// What the kernel forgets with another MAC address, and with an MTU too small for IPv6.
void MemoryProvider::forget(ObservedSet& state, const Object& before, const Object& after) {
  const DeviceState was = *device_state(before);
  const DeviceState is = *device_state(after);
  std::erase_if(state, [&](const auto& entry) {
    const auto* neighbour = std::get_if<Neighbour>(&entry.second.object);
    const auto* sysctl = std::get_if<Sysctl>(&entry.second.object);
    const bool ipv6 = sysctl != nullptr && sysctl->key.starts_with("net/ipv6/") && device_in(sysctl->key) == is.name;
    return (neighbour != nullptr && neighbour->device == is.name && was.mac != is.mac) || (ipv6 && is.mtu < 1280);
  });
}

Result<void> MemoryProvider::carry_out(ObservedSet& state, const Change& change) const {
  const Object& object = change.object();
  const std::string key = key_of(object);
  const auto found = state.find(key);
  const bool is_sysctl = std::holds_alternative<Sysctl>(object);
  if (!change.after) {
    if (is_sysctl) {
      return {}; // it goes with its device
    }
    if (found == state.end()) {
      return kernel_says(ENOENT, key + ": no such object");
    }
    const Object removed = found->second.object;
    state.erase(found);
    take_along(state, removed);
    return {};
  }
  if (!change.before && found != state.end() && !is_sysctl) {
    return kernel_says(EEXIST, key + ": exists");
  }
  const auto* sysctl = std::get_if<Sysctl>(&object);
  if (const auto device = sysctl != nullptr ? std::optional(device_in(sysctl->key)) : device_of(object)) {
    const bool there = state.count("bridge " + *device) != 0 || state.count("tunnel " + *device) != 0;
    if (!there && *device != loopback && base.link(*device) == nullptr) {
      return kernel_says(sysctl != nullptr ? ENOENT : ENODEV, key + ": no such device");
    }
  }
  const auto* entry = std::get_if<FdbEntry>(&object);
  if (entry != nullptr && !entry->port.empty() && base.link(entry->port) == nullptr) {
    return kernel_says(ENODEV, key + ": no such device");
  }
  if (change.before && device_state(object)) {
    forget(state, *change.before, object);
  }
  state.insert_or_assign(key, Observed{object, bears_sign(object) || is_row(object) ||
                                                   std::holds_alternative<SetElement>(object) ||
                                                   std::holds_alternative<DhcpServer>(object)});
  return {};
}

Result<void> MemoryProvider::apply(std::span<const Change> transaction) {
  if (fail) {
    if (auto error = fail(transaction)) {
      return *error;
    }
  }
  ObservedSet next = objects;
  for (const Change& change : transaction) {
    if (auto done = carry_out(next, change); !done) {
      return done;
    }
  }
  objects = std::move(next);
  ++transactions;
  return {};
}

void MemoryProvider::delete_by_hand(const std::string& key) {
  const auto found = objects.find(key);
  const Object removed = found->second.object;
  objects.erase(found);
  take_along(objects, removed);
  if (!has_classifier(objects)) { // the programs held the maps, and no process of ours does
    std::erase_if(objects, [](const auto& entry) { return is_row(entry.second.object); });
  }
}

} // namespace fan::test
