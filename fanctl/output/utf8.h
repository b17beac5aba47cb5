// Which bytes are characters of UTF-8 (RFC 3629). Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace fan::cli {

// The bytes of the character that `text` begins with, 0 when these are no UTF-8. Precondition: not empty.
std::size_t utf8_length(std::string_view text);

} // namespace fan::cli
