// The World over the running kernel, in the network namespace of this process.
#pragma once

#include <memory>

#include "fanctl/world.h"

namespace fan::cli {

std::unique_ptr<World> make_kernel_world();

} // namespace fan::cli
