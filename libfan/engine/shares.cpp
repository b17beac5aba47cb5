#include "engine/shares.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "core/record.h"

namespace fan {
namespace {

using Owners = std::unordered_map<std::string, std::size_t>; // a party's place, by key

template <class Kind>
bool is_removal(const Change& change) {
  return !change.after && std::holds_alternative<Kind>(*change.before);
}
template <class Kind>
bool is_creation(const Change& change) {
  return !change.before && std::holds_alternative<Kind>(*change.after);
}

std::optional<std::size_t> find(const Owners& owners, const std::string& key) {
  const auto found = owners.find(key);
  return found == owners.end() ? std::nullopt : std::optional(found->second);
}

class Sharing {
public:
  Sharing(const std::vector<Change>& plan, const std::vector<Party>& parties, const Facts& facts,
          const Builds& builds) {
    for (std::size_t n = 0; n < parties.size(); ++n) {
      for (const Fan& fan : parties[n].comes) {
        for (const auto& [key, object] : derive({fan}, facts, builds)) {
          comes_with_.try_emplace(key, n);
        }
      }
      for (const Fan& fan : parties[n].goes) {
        for (const auto& [key, object] : derive({fan}, facts, builds)) {
          goes_with_.insert_or_assign(key, n);
        }
      }
    }
    for (const Change& change : plan) {
      note_record(change);
    }
    for (const Change& change : plan) {
      if (change.after) {
        made_.try_emplace(key_of(*change.after), owner_of(change));
      }
    }
  }

  // The party of each change.
  [[nodiscard]] std::vector<std::size_t> owners(const std::vector<Change>& plan) const {
    std::vector<std::size_t> owners;
    for (const Change& change : plan) {
      owners.push_back(owner_of(change));
    }
    hasten<SetElement>(plan, owners);
    hasten<DhcpServer>(plan, owners);
    return owners;
  }

private:
  // A record that is kept until the change is done is of whom the change is.
  void note_record(const Change& change) {
    const auto* record = change.before ? std::get_if<RecordRow>(&*change.before) : nullptr;
    if (record != nullptr && !is_of_change(record->bridge)) {
      comes_with_.try_emplace(key_of(RecordRow{name_of_change(record->text), {}}), owner_of(change));
    }
  }

  [[nodiscard]] std::size_t owner_of(const Change& change) const {
    const std::string key = key_of(change.object());
    if (change.after) {
      return find(comes_with_, key).value_or(0);
    }
    for (const Owners* owners : {&made_, &goes_with_}) {
      if (const auto found = find(*owners, key)) {
        return *found;
      }
    }
    return find(comes_with_, key).value_or(0);
  }

  // What has to go before another of its kind can come stands before it in the plan, and still does.
  template <class Kind>
  static void hasten(const std::vector<Change>& plan, std::vector<std::size_t>& owners) {
    std::size_t first = SIZE_MAX;
    for (std::size_t n = plan.size(); n-- > 0;) {
      if (is_creation<Kind>(plan[n])) {
        first = std::min(first, owners[n]);
      } else if (is_removal<Kind>(plan[n])) {
        owners[n] = std::min(first, owners[n]);
      }
    }
  }

  Owners comes_with_; // the first whose fans consist of it
  Owners goes_with_;  // the last
  Owners made_;       // by this plan
};

} // namespace

std::vector<std::vector<Change>> shares_of(std::vector<Change> plan, const std::vector<Party>& parties,
                                           const Facts& facts, const Builds& builds) {
  std::vector<std::vector<Change>> shares(parties.size());
  if (parties.size() == 1) {
    shares.front() = std::move(plan);
  } else if (!plan.empty()) {
    const std::vector<std::size_t> owners = Sharing(plan, parties, facts, builds).owners(plan);
    for (std::size_t n = 0; n < plan.size(); ++n) {
      shares[owners[n]].push_back(std::move(plan[n]));
    }
  }
  return shares;
}

} // namespace fan
