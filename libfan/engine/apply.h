// Carries a plan out, transaction by transaction, and undoes what was done when one fails.
#pragma once

#include <span>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "engine/provider.h"

namespace fan {

// Consecutive changes that the provider takes all or nothing: runs of Ruleset and SetElement, and runs of port objects
// (core/object.h); every other change stands alone.
std::vector<std::span<const Change>> transactions_of(const std::vector<Change>& plan);

// Applies the plan in order. On a failure the change itself, as far as it was done, and those before it are undone,
// newest first (undo.h); an undo that fails does not stop the others. The error is the first failure's own; when
// undoing was not complete it is of class partial and names what is left.
Result<void> carry_out(Provider& provider, const std::vector<Change>& plan);

// Undoes a plan that was carried out whole, because of `error`, which is given back as carry_out() gives its own.
Error take_back(Provider& provider, const std::vector<Change>& plan, Error error);

} // namespace fan
