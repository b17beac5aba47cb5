// Rules that others put on a bridge: as ebtables takes them, one after the other.
#pragma once

#include "bridge/stage.h"

namespace fan::bench {

// As in IBM's article on scaling Docker's bridge: a rule for each source that may send broadcasts, then drop.
void ebtables_allow_list(const Stage& stage, unsigned first, unsigned count);
// As libvirt does it: POSTROUTING jumps to a chain of its own for each port.
void ebtables_chain_per_port(const Stage& stage);

} // namespace fan::bench
