#include "core/diff.h"

#include <algorithm>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "core/firewall_sets.h"
#include "core/names.h"
#include "core/record.h"
#include "core/render.h"
#include "core/ruleset.h"

namespace fan {
namespace {

// What makes a device the fan's again, where the one that there is may be it: a tunnel of its name and kind, or a
// bridge that still has a fan's record. Empty for others.
std::string command_for_lost_sign(const Object& wanted, const Object& found) {
  const auto* bridge = std::get_if<Bridge>(&wanted);
  const auto* bridge_there = std::get_if<Bridge>(&found);
  if (bridge != nullptr && bridge_there != nullptr && is_record(bridge_there->alias)) {
    return sign_command(bridge->name, bridge->mac);
  }
  const auto* tunnel = std::get_if<Tunnel>(&wanted);
  const auto* tunnel_there = std::get_if<Tunnel>(&found);
  if (tunnel != nullptr && tunnel_there != nullptr && tunnel->encapsulation == tunnel_there->encapsulation) {
    return sign_command(tunnel->name, tunnel->mac);
  }
  return {};
}

Error foreign(const Object& wanted, const Object& found) {
  Error error;
  error.kind = ErrorClass::host_state;
  if (const auto* ruleset = std::get_if<Ruleset>(&found)) {
    const std::string table = table_words(ruleset->table);
    error.message = fmt::format("the nftables table {} is there already and is not fanctl's", table);
    error.hint = fmt::format("if nobody needs it, remove it: nft delete table {}", table);
    return error;
  }
  if (std::holds_alternative<Neighbour>(found)) {
    error.message = fmt::format("{} is there already and is not fanctl's: {}", key_of(wanted), describe(found));
    error.hint = "if nobody needs it, remove it with `ip neigh del`, or choose another address";
    return error;
  }
  error.message = fmt::format("{} is there already and is not fanctl's: {}", key_of(wanted), describe(found));
  error.hint = "remove or rename it, or choose another name or overlay for the fan";
  if (const std::string command = command_for_lost_sign(wanted, found); !command.empty()) {
    error.hint = "if it is the fan's, and has lost its link group or MAC address, give them back: " + command +
                 "; else " + error.hint;
  }
  return error;
}

// A change to be, of objects that others hold. A Change is a quarter of a kilobyte, and a thousand endpoints have six
// thousand: they are made when it is known which, and in which order.
struct Step {
  const Object* before = nullptr;
  const Object* after = nullptr;
  const char* because = "";

  [[nodiscard]] const Object& object() const { return after != nullptr ? *after : *before; }
};

Change change_of(const Step& step) {
  Change change;
  if (step.before != nullptr) {
    change.before = *step.before;
  }
  if (step.after != nullptr) {
    change.after = *step.after;
  }
  change.because = step.because;
  return change;
}

// Looks up no more than it needs: there may be six thousand.
Result<void> add_step(std::vector<Step>& plan, const std::string& key, const Object& wanted,
                      const ObservedSet& observed, const ObjectSet& claimed) {
  const auto found = observed.find(key);
  if (found == observed.end()) {
    plan.push_back({nullptr, &wanted, claimed.count(key) != 0 ? "missing" : "new"});
    return {};
  }
  if (bears_sign(wanted) && !found->second.ours) {
    return foreign(wanted, found->second.object);
  }
  if (found->second.object != wanted) {
    plan.push_back({&found->second.object, &wanted, claimed.count(key) != 0 ? "altered" : "different"});
  }
  return {};
}

// Names of the devices of ours that go, as they are in the keys of their sysctls.
std::vector<std::string> sysctls_that_go(const ObjectSet& desired, const ObservedSet& observed) {
  std::vector<std::string> parts;
  for (const auto& [key, found] : observed) {
    const auto device = found.ours && desired.count(key) == 0 ? device_state(found.object) : std::nullopt;
    if (device) {
      parts.push_back("/conf/" + device->name + "/");
    }
  }
  return parts;
}

// A sysctl of a device that stays: it has a value whether we want one or not, so there is nothing to remove. What goes
// with its device is listed all the same, so that undoing the removal sets it again.
bool outlives_us(const Object& object, const std::vector<std::string>& going) {
  const auto* sysctl = std::get_if<Sysctl>(&object);
  return sysctl != nullptr && std::none_of(going.begin(), going.end(), [&](const std::string& part) {
           return sysctl->key.find(part) != std::string::npos;
         });
}

// By rank, and within a kind by value: of several addresses the gateway comes first and goes last, as it is the primary
// one and the kernel takes the secondary ones along with it.
bool comes_before(const Step& a, const Step& b) {
  return a.object() < b.object();
}

const SetElement* element_in(const Object* object) {
  return object != nullptr ? std::get_if<SetElement>(object) : nullptr;
}

// An element that has to go before another one can come is removed in the same transaction, so that no packet sees the
// moment between the two.
void make_room(std::vector<Step>& made, std::vector<Step>& removed) {
  const auto in_the_way = [&](const Step& removal) {
    const SetElement* gone = element_in(removal.before);
    return gone != nullptr && holds_intervals(*gone) && std::any_of(made.begin(), made.end(), [&](const Step& step) {
             const SetElement* added = element_in(step.after);
             return added != nullptr && elements_clash(*gone, *added);
           });
  };
  const auto early =
      std::stable_partition(removed.begin(), removed.end(), [&](const Step& step) { return !in_the_way(step); });
  const std::vector<Step> first(early, removed.end());
  removed.erase(early, removed.end());
  const auto elements =
      std::find_if(made.begin(), made.end(), [](const Step& step) { return element_in(step.after) != nullptr; });
  made.insert(elements, first.begin(), first.end());
}

bool is_server(const Step& step) {
  return std::holds_alternative<DhcpServer>(step.object());
}

// A server that comes may listen where one that goes does, when a fan's bridge gets another name.
void stop_servers_first(std::vector<Step>& made, std::vector<Step>& removed) {
  const auto first = std::find_if(made.begin(), made.end(), is_server);
  if (first == made.end()) {
    return;
  }
  const auto stopped =
      std::stable_partition(removed.begin(), removed.end(), [](const Step& step) { return !is_server(step); });
  made.insert(first, stopped, removed.end());
  removed.erase(stopped, removed.end());
}

// Bridges that somebody else made in the place of ours: what hangs on them is theirs. One that only lost our sign says
// by its alias what it is.
std::set<std::string> bridges_of_others(const ObservedSet& observed) {
  std::set<std::string> names;
  for (const auto& [key, found] : observed) {
    const auto* bridge = std::get_if<Bridge>(&found.object);
    if (bridge != nullptr && !found.ours && !is_record(bridge->alias)) {
      names.insert(bridge->name);
    }
  }
  return names;
}

} // namespace

std::optional<DeviceState> device_state(const Object& object) {
  if (const auto* bridge = std::get_if<Bridge>(&object)) {
    return DeviceState{bridge->name, bridge->mac, bridge->mtu};
  }
  if (const auto* tunnel = std::get_if<Tunnel>(&object)) {
    return DeviceState{tunnel->name, tunnel->mac, tunnel->mtu};
  }
  return std::nullopt;
}

bool bears_sign(const Object& object) {
  return std::holds_alternative<Tunnel>(object) || std::holds_alternative<Bridge>(object) ||
         std::holds_alternative<Ruleset>(object) || std::holds_alternative<Classifier>(object) ||
         std::holds_alternative<Route>(object) || (std::holds_alternative<Neighbour>(object) && is_port_object(object));
}

Result<std::vector<Change>> diff(const ObjectSet& desired, const ObservedSet& observed, const ObjectSet& claimed) {
  std::vector<Step> made;
  for (const auto& [key, wanted] : desired) {
    if (auto added = add_step(made, key, wanted, observed, claimed); !added) {
      return std::move(added).error();
    }
  }
  std::sort(made.begin(), made.end(), comes_before);

  std::vector<Step> removed;
  const std::vector<std::string> going = sysctls_that_go(desired, observed);
  const std::set<std::string> others = bridges_of_others(observed);
  for (const auto& [key, found] : observed) {
    if (desired.count(key) != 0) {
      continue;
    }
    const auto device = device_of(found.object);
    const bool is_claimed =
        !bears_sign(found.object) && claimed.count(key) != 0 && (!device || others.count(*device) == 0);
    const bool is_ours = found.ours || is_claimed;
    if (is_ours && !outlives_us(found.object, going)) {
      removed.push_back({&found.object, nullptr, "no longer wanted"});
    }
  }
  std::sort(removed.begin(), removed.end(), [](const Step& a, const Step& b) { return comes_before(b, a); });
  make_room(made, removed);
  stop_servers_first(made, removed);
  std::vector<Change> changes;
  changes.reserve(made.size() + removed.size());
  std::transform(made.begin(), made.end(), std::back_inserter(changes), change_of);
  std::transform(removed.begin(), removed.end(), std::back_inserter(changes), change_of);
  return changes;
}

} // namespace fan
