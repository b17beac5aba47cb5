#include "core/errors.h"

#include <fmt/format.h>

namespace fan {

namespace {
constexpr std::size_t shown_at_most = 64;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, shown_at_most)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  out += text.size() > shown_at_most ? "...'" : "'";
  return out;
}

} // namespace fan
