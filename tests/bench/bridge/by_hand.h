// The same things by hand, with the tools that are there: the peers of what fanctl does.
#pragma once

#include "bridge/stage.h"

namespace fan::bench {

// Port flags, neighbours and FDB entries of endpoints 1..count by `ip -batch` and `bridge -batch`, a process each.
void register_in_batches(const Stage& stage, unsigned count);

} // namespace fan::bench
