#include "engine/apply.h"

#include <variant>

#include "engine/undo.h"

namespace fan {
namespace {

// What the provider takes together: changes of the same of these.
enum class Kind { firewall, ports, other };

Kind kind_of(const Change& change) {
  const Object& object = change.object();
  if (std::holds_alternative<Ruleset>(object) || std::holds_alternative<SetElement>(object)) {
    return Kind::firewall;
  }
  return is_port_object(object) ? Kind::ports : Kind::other;
}

} // namespace

std::vector<std::span<const Change>> transactions_of(const std::vector<Change>& plan) {
  std::vector<std::span<const Change>> transactions;
  for (std::size_t begin = 0; begin < plan.size();) {
    std::size_t end = begin + 1;
    while (kind_of(plan[begin]) != Kind::other && end < plan.size() && kind_of(plan[end]) == kind_of(plan[begin])) {
      ++end;
    }
    transactions.emplace_back(plan.data() + begin, end - begin);
    begin = end;
  }
  return transactions;
}

Result<void> carry_out(Provider& provider, const std::vector<Change>& plan) {
  const std::vector<std::span<const Change>> transactions = transactions_of(plan);
  for (std::size_t n = 0; n < transactions.size(); ++n) {
    if (auto applied = provider.apply(transactions[n]); !applied) {
      Error error = std::move(applied).error().within(name_of(transactions[n]));
      return undo(provider, Transactions(transactions.data(), n), transactions[n], std::move(error));
    }
  }
  return {};
}

Error take_back(Provider& provider, const std::vector<Change>& plan, Error error) {
  const std::vector<std::span<const Change>> transactions = transactions_of(plan);
  return undo(provider, transactions, {}, std::move(error));
}

} // namespace fan
