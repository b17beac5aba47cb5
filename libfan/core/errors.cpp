#include "core/errors.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fan {

namespace {
constexpr std::size_t shown_at_most = 64;
constexpr std::size_t named_at_most = 10;
} // namespace

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, shown_at_most)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  out += text.size() > shown_at_most ? "...'" : "'";
  return out;
}

std::string some_of(std::span<const std::string> names) {
  const std::span<const std::string> first = names.first(std::min(names.size(), named_at_most));
  const std::size_t left = names.size() - first.size();
  return fmt::format("{}{}", fmt::join(first, ", "), left == 0 ? std::string() : fmt::format(" and {} more", left));
}

} // namespace fan
