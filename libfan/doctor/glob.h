// Patterns of device names, as in [Match] of networkd and in NetworkManager's lists: * ? and plain letters.
#pragma once

#include <string_view>

namespace fan::doctor {

bool matches(std::string_view pattern, std::string_view name);

} // namespace fan::doctor
