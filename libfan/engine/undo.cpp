#include "engine/undo.h"

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "core/diff.h"
#include "core/render.h"
#include "engine/scope.h"

namespace fan {
namespace {

std::vector<Change> inverse_of(std::span<const Change> transaction) {
  std::vector<Change> inverse;
  std::transform(transaction.rbegin(), transaction.rend(), std::back_inserter(inverse),
                 [](const Change& change) { return change.inverse(); });
  return inverse;
}

// Somebody else's, of a kind that would bear our sign if it were ours.
bool is_foreign(const ObservedSet& seen, const Object& object) {
  const auto found = seen.find(key_of(object));
  return found != seen.end() && bears_sign(found->second.object) && !found->second.ours;
}

std::optional<Object> found_in(const ObservedSet& seen, const Object& object) {
  const auto found = seen.find(key_of(object));
  return found == seen.end() ? std::nullopt : std::optional(found->second.object);
}

// A setting without a value before it is a new device's, and goes with it.
bool goes_with_its_device(const Change& undoing) {
  return !undoing.after && std::holds_alternative<Sysctl>(*undoing.before);
}

// From what is there to what `wanted` leads to, as far as that differs.
std::vector<Change> still_to_do(std::span<const Change> wanted, const ObservedSet& seen) {
  std::vector<Change> left;
  for (const Change& change : wanted) {
    const std::optional<Object> now = found_in(seen, change.object());
    if (now == change.after || is_foreign(seen, change.object())) {
      continue;
    }
    const Change step{now, change.after, change.because};
    if (!goes_with_its_device(step)) {
      left.push_back(step);
    }
  }
  return left;
}

// Undoes a transaction whose outcome is in doubt: looks first.
Result<void> reach(Provider& provider, std::span<const Change> wanted) {
  auto seen = provider.observe(scope_of(wanted));
  if (!seen) {
    return std::move(seen).error().within("whether it is so cannot be seen");
  }
  const std::vector<Change> left = still_to_do(wanted, *seen);
  return left.empty() ? Result<void>() : provider.apply(left);
}

// Undoes a transaction that was done. When that fails, looks whether it is undone all the same.
Result<void> take_back(Provider& provider, std::span<const Change> inverse) {
  auto undone = provider.apply(inverse);
  if (undone) {
    return undone;
  }
  auto again = reach(provider, inverse);
  return again ? std::move(again) : std::move(undone); // the first answer says more
}

void note(std::string& left, std::span<const Change> inverse, const Result<void>& undone) {
  if (!undone) {
    left += "\n  undo failed: " + name_of(inverse) + ": " + undone.error().message;
  }
}

} // namespace

std::string name_of(std::span<const Change> transaction) {
  const Change& first = transaction.front();
  const char* verb = !first.before ? "create " : (first.after ? "change " : "remove ");
  if (transaction.size() == 1) {
    return verb + describe(first.object());
  }
  return is_port_object(first.object()) ? "change ports of the bridge" : "change the nftables tables";
}

Error undo(Provider& provider, Transactions done, std::span<const Change> failed, Error error) {
  std::string left;
  if (!failed.empty()) {
    const std::vector<Change> inverse = inverse_of(failed);
    note(left, inverse, reach(provider, inverse));
  }
  for (auto transaction = done.rbegin(); transaction != done.rend(); ++transaction) {
    const std::vector<Change> inverse = inverse_of(*transaction);
    note(left, inverse, take_back(provider, inverse));
  }
  if (!left.empty()) {
    error.kind = ErrorClass::partial;
    error.message += left;
    error.hint = "what is listed was left behind; `fanctl up` or `fanctl down` again once the cause is gone";
  }
  return error;
}

} // namespace fan
