#include "engine/host.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/diff.h"
#include "core/errors.h"
#include "core/mtu.h"
#include "core/port_sets.h"
#include "core/record.h"
#include "core/restored_ports.h"
#include "engine/scope.h"

namespace fan {
namespace {

void add_fan(std::vector<Fan>& fans, Fan fan) {
  const bool known =
      std::any_of(fans.begin(), fans.end(), [&](const Fan& other) { return other.slice() == fan.slice(); });
  if (!known) {
    fans.push_back(std::move(fan));
  }
}

bool is_our_bridge(const LinkFact& link) {
  return link.kind == "bridge" && link.group == link_group;
}

// What could not be read, by the name of the bridge.
using Unread = std::map<std::string, Error>;

void add_from_records(Host& host, Unread& unread) {
  for (const RecordFact& record : host.facts.records) {
    if (is_of_change(record.bridge)) {
      continue;
    }
    if (auto fan = parse_record(record.text)) {
      add_fan(host.fans, std::move(fan).value());
    } else {
      unread.emplace(record.bridge, std::move(fan).error());
    }
  }
}

Error renamed(const std::string& now, const std::string& before) {
  return host_error(
      fmt::format("the device {} is the fan bridge {} under another name", now, before),
      fmt::format("rename it back: ip link set {0} down; ip link set {0} name {1}; ip link set {1} up", now, before));
}

// A bridge that lost its row in the record map still says what it is for.
void add_from_aliases(Host& host, Unread& unread) {
  for (const LinkFact& link : host.facts.links) {
    if (!is_our_bridge(link) || !is_record(link.alias)) {
      continue;
    }
    auto fan = parse_record(link.alias);
    if (!fan) {
      unread.emplace(link.name, std::move(fan).error());
    } else if (fan->bridge != link.name) {
      host.unreadable.push_back(renamed(link.name, fan->bridge));
    } else {
      add_fan(host.fans, std::move(fan).value());
    }
  }
}

// One of the two is enough: it restores the other.
void note_unread(Host& host, Unread& unread) {
  for (auto& [bridge, error] : unread) {
    const std::string& name = bridge; // Clang 14 has no structured bindings in lambdas
    if (std::none_of(host.fans.begin(), host.fans.end(), [&](const Fan& fan) { return fan.bridge == name; })) {
      host.unreadable.push_back(std::move(error).within(name));
    }
  }
}

// The fans as they were before changes that were broken off.
std::vector<Fan> left_by_changes(const Facts& facts) {
  std::vector<Fan> left;
  for (const RecordFact& record : facts.records) {
    auto fan = is_of_change(record.bridge) ? parse_record(record.text) : Result<Fan>(Error());
    if (fan) {
      left.push_back(std::move(fan).value());
    }
  }
  return left;
}

// Nothing in the kernel tells whose these are: only a record claims them.
bool is_known_by_record(const Object& object) {
  return std::holds_alternative<InterfaceAddress>(object) || std::holds_alternative<Querier>(object);
}

const RecordRow* row_in(const std::optional<Object>& object) {
  return object ? std::get_if<RecordRow>(&*object) : nullptr;
}

// Where a record changes and something goes that only the old one speaks of, the old one is kept until that is done:
// whoever is killed in between would leave an address that is nobody's.
void keep_old_records(std::vector<Change>& plan, bool restores) {
  const bool needed = restores || std::any_of(plan.begin(), plan.end(), [](const Change& change) {
                        return !change.after && is_known_by_record(*change.before);
                      });
  std::vector<Change> kept;
  for (const Change& change : plan) {
    const RecordRow* before = row_in(change.before);
    if (!needed || before == nullptr || row_in(change.after) == nullptr || !is_record(before->text)) {
      continue;
    }
    const RecordRow row{name_of_change(before->text), before->text};
    const bool there = std::any_of(plan.begin(), plan.end(), [&row](const Change& other) {
      const RecordRow* gone = row_in(other.before); // left by a change that was broken off
      return gone != nullptr && gone->bridge == row.bridge;
    });
    if (!there) {
      kept.push_back({std::nullopt, row, "until the change is done"});
    }
  }
  for (const Change& change : kept) {
    plan.push_back({change.after, std::nullopt, "the change is done"});
  }
  plan.insert(plan.begin(), kept.begin(), kept.end());
}

void add_to_scope(Scope& scope, const ObjectSet& objects) {
  for (const auto& [key, object] : objects) {
    if (!std::holds_alternative<PortFlag>(object)) { // of a port of a bridge, which is looked at
      fan::add_to_scope(scope, object);
    }
  }
}

std::set<std::string> devices_with_programs(const ObjectSet& objects) {
  std::set<std::string> devices;
  for (const auto& [key, object] : objects) {
    if (const auto* classifier = std::get_if<Classifier>(&object)) {
      devices.insert(classifier->device);
    }
  }
  return devices;
}

std::set<std::string> left_by_programs(const ObjectSet& before, const ObjectSet& after) {
  std::set<std::string> left = devices_with_programs(before);
  for (const std::string& device : devices_with_programs(after)) {
    left.erase(device);
  }
  return left;
}

// A bridge that bears our sign but whose record is lost may carry containers: it is removed only when nothing is
// attached to it.
void keep_used_bridges(ObservedSet& observed, const Facts& facts, const ObjectSet& desired, const ObjectSet& claimed) {
  for (auto& [key, found] : observed) {
    const auto* bridge = std::get_if<Bridge>(&found.object);
    if (bridge == nullptr || desired.count(key) != 0 || claimed.count(key) != 0) {
      continue;
    }
    if (!ports_of(facts, bridge->name).empty()) {
      found.ours = false;
    }
  }
}

bool is_in_part(const Fan& fan) {
  return fan.in_part;
}

// The changes that are none of the fans known in part. `needed`: what the others shall consist of; `given_up`: what
// those that change or go consist of.
void leave_known_in_part(std::vector<Change>& plan, const ObjectSet& needed, const ObjectSet& given_up) {
  std::erase_if(plan, [&](const Change& change) {
    const std::string key = key_of(change.object());
    return needed.count(key) == 0 && (change.after || given_up.count(key) == 0);
  });
}

// A device that lost its sign is asked nothing of where only fans that are left as they are need it.
void leave_devices_of_others(ObjectSet& desired, const ObservedSet& observed, const ObjectSet& needed) {
  std::erase_if(desired, [&](const auto& entry) {
    const auto found = observed.find(entry.first);
    return device_state(entry.second) && found != observed.end() && !found->second.ours &&
           needed.count(entry.first) == 0;
  });
}

bool is_ipv6_setting(const Object& object, const std::string& device) {
  const auto* sysctl = std::get_if<Sysctl>(&object);
  return sysctl != nullptr && sysctl->key.starts_with("net/ipv6/conf/" + device + "/");
}

// The kernel forgets all neighbours of a device that gets another MAC address, the permanent ones too, and the IPv6
// settings of one whose MTU becomes too small for IPv6.
bool goes_with(const Object& object, const DeviceState& before, const DeviceState& after) {
  const auto* neighbour = std::get_if<Neighbour>(&object);
  if (neighbour != nullptr && neighbour->device == after.name) {
    return before.mac != after.mac;
  }
  return before.mtu >= least_ipv6_mtu && after.mtu < least_ipv6_mtu && is_ipv6_setting(object, after.name);
}

// What goes when a device changes is taken away before it, as a change of its own: so whoever undoes the plan puts it
// back when the device is again as it was. Taken from what was observed: what is wanted again is made anew.
std::vector<Change> take_what_goes(ObservedSet& observed, const ObjectSet& desired) {
  std::vector<Change> gone;
  for (const auto& [key, object] : desired) {
    const auto after = device_state(object);
    const auto found = after ? observed.find(key) : observed.end();
    const auto before = found != observed.end() ? device_state(found->second.object) : std::nullopt;
    if (!before || (before->mac == after->mac && before->mtu == after->mtu)) {
      continue;
    }
    std::erase_if(observed, [&](const auto& entry) {
      const bool goes = goes_with(entry.second.object, *before, *after);
      if (goes) {
        gone.push_back({entry.second.object, std::nullopt, "goes when the device changes"});
      }
      return goes;
    });
  }
  return gone;
}

} // namespace

Result<Host> look(Provider& provider) {
  auto facts = provider.facts();
  if (!facts) {
    return std::move(facts).error();
  }
  Host host{std::move(facts).value(), {}, true};
  host.complete = host.facts.records_known;
  Unread unread;
  add_from_records(host, unread);
  add_from_aliases(host, unread);
  note_unread(host, unread);
  std::sort(host.fans.begin(), host.fans.end(), [](const Fan& a, const Fan& b) { return a.slice() < b.slice(); });
  return host;
}

Result<Host> look_to_change(Provider& provider) {
  auto host = look(provider);
  return host && !host->unreadable.empty() ? std::move(host->unreadable.front()) : std::move(host);
}

Result<std::vector<Change>> plan_to(Provider& provider, const Facts& facts, const std::vector<Fan>& before,
                                    const std::vector<Fan>& after) {
  return plan_to(provider, facts, before, facts, after);
}

Result<std::vector<Change>> plan_to(Provider& provider, const Facts& facts, const std::vector<Fan>& before,
                                    const Facts& facts_after, const std::vector<Fan>& after) {
  const Builds builds{provider.program_build(), provider.ruleset_version()};
  ObjectSet desired = derive(after, facts_after, builds);
  std::vector<Fan> earlier = left_by_changes(facts);
  // Where nothing is to change both are the same, and that may be thousands of objects.
  const bool same = &facts == &facts_after && before == after && earlier.empty();
  ObjectSet claimed_before;
  if (!same) {
    claimed_before = derive(before, facts, builds);
    claimed_before.merge(derive(earlier, facts, builds));
  }
  const ObjectSet& claimed = same ? desired : claimed_before;
  earlier.insert(earlier.end(), before.begin(), before.end());
  ObjectSet restored = derive_restored(earlier, after, facts);
  restored.merge(restored_tunnels(claimed, desired, facts));
  const bool restores = !restored.empty();
  ObjectSet needed = restored;
  desired.merge(restored);
  ObjectSet ports = restored_ports(claimed, desired, facts);
  needed.insert(ports.begin(), ports.end());
  desired.merge(ports);

  Scope scope;
  add_to_scope(scope, desired);
  add_to_scope(scope, claimed);
  scope.leaving = left_by_programs(claimed, desired);
  auto observed = provider.observe(scope);
  if (!observed) {
    return std::move(observed).error();
  }
  if (ObjectSet left = restored_by_guards(*observed, desired, facts); !left.empty()) {
    add_to_scope(scope, left);
    desired.merge(left);
    observed = provider.observe(scope);
    if (!observed) {
      return std::move(observed).error();
    }
  }
  const bool some_are_left = std::any_of(after.begin(), after.end(), is_in_part);
  if (some_are_left) {
    std::vector<Fan> whole = after;
    std::erase_if(whole, is_in_part);
    needed.merge(derive(whole, facts_after, builds));
    leave_devices_of_others(desired, *observed, needed);
  }
  keep_used_bridges(*observed, facts, desired, claimed);
  std::vector<Change> plan = take_what_goes(*observed, desired);
  auto rest = diff(desired, *observed, claimed);
  if (!rest) {
    return rest;
  }
  if (plan.empty()) {
    plan = std::move(*rest);
  } else {
    plan.insert(plan.end(), std::make_move_iterator(rest->begin()), std::make_move_iterator(rest->end()));
  }
  if (some_are_left) {
    std::erase_if(earlier, [&](const Fan& fan) {
      return fan.in_part && std::find(after.begin(), after.end(), fan) != after.end();
    });
    leave_known_in_part(plan, needed, derive(earlier, facts, builds));
  }
  keep_old_records(plan, restores);
  return plan;
}

std::string name_for_down(const Fan& fan) {
  return fan.spec.reach ? fan.slice().str() : fan.bridge;
}

std::string note_of_part(const Fan& fan) {
  const Error error = known_in_part(fan);
  return error.message + "; " + error.hint;
}

std::vector<std::string> ports_of(const Facts& facts, const std::string& bridge) {
  std::vector<std::string> ports;
  if (const LinkFact* master = facts.link(bridge)) {
    for (const LinkFact& link : facts.links) {
      if (link.master == master->ifindex) {
        ports.push_back(link.name);
      }
    }
  }
  return ports;
}

std::vector<std::string> users_of(const Facts& facts, const Fan& fan) {
  std::vector<std::string> users = ports_of(facts, fan.bridge);
  if (const LinkFact* bridge = facts.link(fan.bridge)) {
    for (const LinkFact& link : facts.links) { // a macvlan upon the bridge goes with it
      if (link.lower == bridge->ifindex && link.kind != "veth") {
        users.push_back(link.name);
      }
    }
  }
  std::set<std::string> routed;
  for (const auto& [address, endpoint] : facts.registry.endpoints) {
    if (facts.registry.routed.count(endpoint.port) != 0 && facts.link(endpoint.port) != nullptr && owns(fan, address)) {
      routed.insert(endpoint.port);
    }
  }
  users.insert(users.end(), routed.begin(), routed.end());
  return users;
}

Error still_used(const Fan& fan, const std::vector<std::string>& ports, std::string hint) {
  return make_error(ErrorClass::in_use, fmt::format("{} has ports attached: {}", fan.bridge, some_of(ports)),
                    std::move(hint));
}

} // namespace fan
