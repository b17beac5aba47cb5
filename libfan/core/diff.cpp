#include "core/diff.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/firewall_sets.h"
#include "core/render.h"
#include "core/ruleset.h"

namespace fan {
namespace {

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
  return error;
}

// Looks up no more than it needs: there may be six thousand.
Result<void> add_change(std::vector<Change>& plan, const std::string& key, const Object& wanted,
                        const ObservedSet& observed, const ObjectSet& claimed) {
  const auto found = observed.find(key);
  if (found == observed.end()) {
    plan.push_back({std::nullopt, wanted, claimed.count(key) != 0 ? "missing" : "new"});
    return {};
  }
  if (bears_sign(wanted) && !found->second.ours) {
    return foreign(wanted, found->second.object);
  }
  if (found->second.object != wanted) {
    plan.push_back({found->second.object, wanted, claimed.count(key) != 0 ? "altered" : "different"});
  }
  return {};
}

std::string device_made(const Object& object) {
  const auto* bridge = std::get_if<Bridge>(&object);
  const auto* tunnel = std::get_if<Tunnel>(&object);
  return bridge != nullptr ? bridge->name : (tunnel != nullptr ? tunnel->name : std::string());
}

// Names of the devices of ours that go, as they are in the keys of their sysctls.
std::vector<std::string> sysctls_that_go(const ObjectSet& desired, const ObservedSet& observed) {
  std::vector<std::string> parts;
  for (const auto& [key, found] : observed) {
    const std::string name = found.ours && desired.count(key) == 0 ? device_made(found.object) : std::string();
    if (!name.empty()) {
      parts.push_back("/conf/" + name + "/");
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
bool comes_before(const Change& a, const Change& b) {
  return a.object() < b.object();
}

// By their addresses: a Change is half a kilobyte, and a thousand endpoints have six thousand.
template <class Before>
void sort_changes(std::vector<Change>& changes, Before before) {
  std::vector<Change*> order;
  order.reserve(changes.size());
  for (Change& change : changes) {
    order.push_back(&change);
  }
  std::sort(order.begin(), order.end(), [&](const Change* a, const Change* b) { return before(*a, *b); });
  std::vector<Change> sorted;
  sorted.reserve(changes.size());
  for (Change* change : order) {
    sorted.push_back(std::move(*change));
  }
  changes = std::move(sorted);
}

const SetElement* element_in(const std::optional<Object>& object) {
  return object ? std::get_if<SetElement>(&*object) : nullptr;
}

// An element that has to go before another one can come is removed in the same transaction, so that no packet sees the
// moment between the two.
void make_room(std::vector<Change>& made, std::vector<Change>& removed) {
  const auto in_the_way = [&](const Change& removal) {
    const SetElement* gone = element_in(removal.before);
    return gone != nullptr && holds_intervals(*gone) &&
           std::any_of(made.begin(), made.end(), [&](const Change& change) {
             const SetElement* added = element_in(change.after);
             return added != nullptr && elements_clash(*gone, *added);
           });
  };
  const auto early =
      std::stable_partition(removed.begin(), removed.end(), [&](const Change& c) { return !in_the_way(c); });
  const std::vector<Change> first(early, removed.end());
  removed.erase(early, removed.end());
  const auto elements =
      std::find_if(made.begin(), made.end(), [](const Change& c) { return element_in(c.after) != nullptr; });
  made.insert(elements, first.begin(), first.end());
}

} // namespace

bool bears_sign(const Object& object) {
  return std::holds_alternative<Tunnel>(object) || std::holds_alternative<Bridge>(object) ||
         std::holds_alternative<Ruleset>(object) || std::holds_alternative<Classifier>(object) ||
         std::holds_alternative<Route>(object) || (std::holds_alternative<Neighbour>(object) && is_port_object(object));
}

Result<std::vector<Change>> diff(const ObjectSet& desired, const ObservedSet& observed, const ObjectSet& claimed) {
  std::vector<Change> made;
  for (const auto& [key, wanted] : desired) {
    if (auto added = add_change(made, key, wanted, observed, claimed); !added) {
      return std::move(added).error();
    }
  }
  sort_changes(made, comes_before);

  std::vector<Change> removed;
  const std::vector<std::string> going = sysctls_that_go(desired, observed);
  for (const auto& [key, found] : observed) {
    if (desired.count(key) != 0) {
      continue;
    }
    const bool is_ours = bears_sign(found.object) ? found.ours : (found.ours || claimed.count(key) != 0);
    if (is_ours && !outlives_us(found.object, going)) {
      removed.push_back({found.object, std::nullopt, "no longer wanted"});
    }
  }
  sort_changes(removed, [](const Change& a, const Change& b) { return comes_before(b, a); });
  make_room(made, removed);
  made.insert(made.end(), removed.begin(), removed.end());
  return made;
}

} // namespace fan
