// Whose a configuration is: whoever can write it can have root change the network.
#pragma once

#include <string>

#include "core/result.h"

namespace fan::cli {

// An open file or directory that belongs to root, or to whoever runs this, and that nobody else can write. Otherwise
// class host_state, with `path` as its place and what to do.
Result<void> check_trusted(int descriptor, const std::string& path);

} // namespace fan::cli
