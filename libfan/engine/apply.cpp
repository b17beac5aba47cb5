#include "engine/apply.h"

#include <algorithm>
#include <variant>

#include "core/render.h"

namespace fan {
namespace {

bool is_firewall(const Change& change) {
  return std::holds_alternative<Ruleset>(change.object()) || std::holds_alternative<SetElement>(change.object());
}

std::string name_of(std::span<const Change> transaction) {
  const Change& first = transaction.front();
  const char* verb = !first.before ? "create " : (first.after ? "change " : "remove ");
  return transaction.size() == 1 ? verb + describe(first.object()) : std::string("change the nftables table");
}

std::vector<Change> inverse_of(std::span<const Change> transaction) {
  std::vector<Change> inverse;
  std::transform(transaction.rbegin(), transaction.rend(), std::back_inserter(inverse),
                 [](const Change& change) { return change.inverse(); });
  return inverse;
}

using Transactions = std::span<const std::span<const Change>>;

// Undoes `done`, newest first, and adds what could not be undone to `error`.
Error undo(Provider& provider, Transactions done, Error error) {
  std::string left;
  for (auto transaction = done.rbegin(); transaction != done.rend(); ++transaction) {
    const std::vector<Change> inverse = inverse_of(*transaction);
    if (auto undone = provider.apply(inverse); !undone) {
      left += "\n  undo failed: " + name_of(inverse) + ": " + undone.error().message;
    }
  }
  if (!left.empty()) {
    error.kind = ErrorClass::partial;
    error.message += left;
    error.hint = "what is listed was left behind; `fanctl up` or `fanctl down` again once the cause is gone";
  }
  return error;
}

} // namespace

std::vector<std::span<const Change>> transactions_of(const std::vector<Change>& plan) {
  std::vector<std::span<const Change>> transactions;
  for (std::size_t begin = 0; begin < plan.size();) {
    std::size_t end = begin + 1;
    while (is_firewall(plan[begin]) && end < plan.size() && is_firewall(plan[end])) {
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
      return undo(provider, Transactions(transactions.data(), n), std::move(error));
    }
  }
  return {};
}

} // namespace fan
