// Reading decimal numbers the one strict way that every parser of ours uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/result.h"

namespace fan {

// Digits only: no sign, no blank, no leading zero except in "0" itself. nullopt for everything else and above `most`.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most);

// The same between two bounds; the error (class usage) names them.
Result<std::uint32_t> number_between(std::string_view text, std::uint32_t least, std::uint32_t most);

} // namespace fan
