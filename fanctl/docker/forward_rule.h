// The one rule of a fan in Docker's chain for its users. Docker's own chains drop what its networks do not know, and an
// `accept` in another table does not overrule a drop; DOCKER-USER is asked first, and Docker never flushes it.
#pragma once

#include <string>

#include "core/address.h"
#include "core/result.h"
#include "fanctl/world.h"

namespace fan::cli::docker {

// The command that a person would type for it.
std::string rule_text(const Prefix& overlay);

// Whether DOCKER-USER accepts what goes between two addresses of `overlay`. Error: iptables cannot tell, because its
// lock is held, say.
Result<bool> has_rule(World& world, const Prefix& overlay);

// Makes that its first rule where it is not there, and the chain where Docker has not made it yet. Error: what iptables
// said.
Result<void> ensure_rule(World& world, const Prefix& overlay);

// Takes the rule out. That it, or the chain, is not there any more is no error.
Result<void> remove_rule(World& world, const Prefix& overlay);

} // namespace fan::cli::docker
