#include "engine/host.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/diff.h"
#include "core/errors.h"
#include "core/port_sets.h"
#include "core/record.h"
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

void add_from_records(Host& host) {
  for (const std::string& record : host.facts.records) {
    if (auto fan = parse_record(record)) {
      add_fan(host.fans, std::move(fan).value());
    }
  }
}

// A bridge that lost its row in the record map still says what it is for.
void add_from_aliases(Host& host) {
  for (const LinkFact& link : host.facts.links) {
    if (!is_our_bridge(link) || link.alias.empty()) {
      continue;
    }
    if (auto fan = parse_record(link.alias); fan && fan->bridge == link.name) {
      add_fan(host.fans, std::move(fan).value());
    }
  }
}

void add_to_scope(Scope& scope, const ObjectSet& objects) {
  for (const auto& [key, object] : objects) {
    if (!std::holds_alternative<PortFlag>(object)) { // of a port of a bridge, which is looked at
      fan::add_to_scope(scope, object);
    }
  }
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

// The kernel forgets all neighbours of a bridge that gets another MAC address, the permanent ones too.
void forget_neighbours(ObservedSet& observed, const ObjectSet& desired) {
  std::set<std::string> renewed;
  for (const auto& [key, object] : desired) {
    const auto* wanted = std::get_if<Bridge>(&object);
    const auto found = wanted != nullptr ? observed.find(key) : observed.end();
    const auto* there = found != observed.end() ? std::get_if<Bridge>(&found->second.object) : nullptr;
    if (there != nullptr && there->mac != wanted->mac) {
      renewed.insert(wanted->name);
    }
  }
  std::erase_if(observed, [&](const auto& entry) {
    const auto* neighbour = std::get_if<Neighbour>(&entry.second.object);
    return neighbour != nullptr && renewed.count(neighbour->device) != 0;
  });
}

} // namespace

Result<Host> look(Provider& provider) {
  auto facts = provider.facts();
  if (!facts) {
    return std::move(facts).error();
  }
  Host host{std::move(facts).value(), {}, true};
  host.complete = host.facts.records_known;
  add_from_records(host);
  add_from_aliases(host);
  std::sort(host.fans.begin(), host.fans.end(), [](const Fan& a, const Fan& b) { return a.slice() < b.slice(); });
  return host;
}

Result<std::vector<Change>> plan_to(Provider& provider, const Facts& facts, const std::vector<Fan>& before,
                                    const std::vector<Fan>& after) {
  return plan_to(provider, facts, before, facts, after);
}

Result<std::vector<Change>> plan_to(Provider& provider, const Facts& facts, const std::vector<Fan>& before,
                                    const Facts& facts_after, const std::vector<Fan>& after) {
  const Builds builds{provider.program_build(), provider.ruleset_version()};
  ObjectSet desired = derive(after, facts_after, builds);
  const bool same = &facts == &facts_after && before == after;
  const ObjectSet claimed = same ? desired : derive(before, facts, builds);
  desired.merge(derive_restored(before, after, facts));
  desired.merge(restored_ports(claimed, desired, facts));

  Scope scope;
  add_to_scope(scope, desired);
  add_to_scope(scope, claimed);
  auto observed = provider.observe(scope);
  if (!observed) {
    return std::move(observed).error();
  }
  keep_used_bridges(*observed, facts, desired, claimed);
  forget_neighbours(*observed, desired);
  return diff(desired, *observed, claimed);
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
  return make_error(ErrorClass::in_use, fmt::format("{} has ports attached: {}", fan.bridge, fmt::join(ports, ", ")),
                    std::move(hint));
}

} // namespace fan
