// The host's ends of a container's devices, as lxc-info tells them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace fan::cli::lxc {

// `text`: what `lxc-info --name NAME` prints. Class host_state: it is not running, or has no such device.
Result<std::vector<std::string>> ports_in(std::string_view text, const std::string& name);

} // namespace fan::cli::lxc
