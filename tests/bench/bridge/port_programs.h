// One tc program on each port, with its tables: what fanctl does not do, measured beside what it does.
#pragma once

#include <functional>

#include "bridge/stage.h"

namespace fan::bench {

// Loads the program, attaches it to every port of the stage, and fills its tables with every endpoint; `allowed` says
// which may send broadcasts.
void attach_port_programs(const Stage& stage, const std::function<bool(unsigned)>& allowed);

} // namespace fan::bench
