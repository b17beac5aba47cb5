#include "core/dns_domain.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/number.h"

namespace fan {

namespace {

constexpr std::size_t longest_label = 63; // RFC 1035 section 2.3.4

constexpr std::pair<char, std::uint32_t> units[] = {{'d', 24 * 3600}, {'h', 3600}, {'m', 60}, {'s', 1}};

bool is_label(std::string_view label) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !label.empty() && label.size() <= longest_label && plain(label.front()) && plain(label.back()) &&
         std::all_of(label.begin(), label.end(), [&](char c) { return plain(c) || c == '-'; });
}

bool are_labels(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot)))
      return false;
    if (dot == std::string_view::npos)
      return true;
    text.remove_prefix(dot + 1);
  }
}

} // namespace

Result<std::uint32_t> parse_lease(std::string_view text) {
  if (text == "infinite")
    return endless_lease;
  std::uint32_t unit = 1;
  std::string_view digits = text;
  for (const auto& [letter, seconds] : units)
    if (text.ends_with(letter)) {
      unit = seconds;
      digits = text.substr(0, text.size() - 1);
    }
  const auto number = parse_number(digits, longest_lease / unit);
  if (!number || *number * unit < least_lease)
    return usage_error(quoted(text) + " is not a time that a lease can have",
                       "write seconds, or a number with m, h or d, from 2m to 365d, or 'infinite'");
  return *number * unit;
}

std::string lease_text(std::uint32_t seconds) {
  if (seconds == endless_lease)
    return "infinite";
  for (const auto& [letter, unit] : units)
    if (unit > 1 && seconds % unit == 0)
      return fmt::format("{}{}", seconds / unit, letter);
  return std::to_string(seconds);
}

Result<std::string> parse_domain(std::string_view text) {
  const bool number = text.find_first_not_of("0123456789.") == std::string_view::npos;
  if (!are_labels(text) || number)
    return usage_error(quoted(text) + " is not a domain",
                       "small letters, digits and '-' between single dots, as in fan.internal");
  return std::string(text);
}

} // namespace fan
