// Takes back what was done when a plan could not be carried out.
#pragma once

#include <span>

#include "core/object.h"
#include "core/result.h"
#include "engine/provider.h"

namespace fan {

using Transactions = std::span<const std::span<const Change>>;

// "create bridge fan-250-0-28", "change the nftables table".
std::string name_of(std::span<const Change> transaction);

// Undoes `done`, newest first; an undo that fails does not stop the others. `failed`, empty for none, is the
// transaction whose outcome is in doubt: an answer of the kernel can be lost after the kernel did what was asked. So it
// is looked at, and undone as far as it was done; what somebody else made meanwhile is left alone.
// Gives `error`; when something is left, of class partial and with a line for each undo that failed.
Error undo(Provider& provider, Transactions done, std::span<const Change> failed, Error error);

} // namespace fan
