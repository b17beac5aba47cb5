#include "core/number.h"

#include <charconv>

#include <fmt/format.h>

#include "core/errors.h"

namespace fan {

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most) {
  if (text.empty() || text.front() < '0' || text.front() > '9' || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value > most)
    return std::nullopt;
  return value;
}

Result<std::uint32_t> number_between(std::string_view text, std::uint32_t least, std::uint32_t most) {
  const auto value = parse_number(text, most);
  if (!value || *value < least)
    return usage_error(fmt::format("{} is not a number from {} to {}", quoted(text), least, most));
  return *value;
}

} // namespace fan
