#include "linux/nft/condition_text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "core/address.h"

namespace fan::nft {

using firewall::Condition;
using firewall::Range;
using firewall::Subject;

namespace {

bool is_address(Subject subject) {
  return subject == Subject::source || subject == Subject::destination;
}

bool is_named(Subject subject) {
  return subject == Subject::in_device || subject == Subject::out_device || subject == Subject::state ||
         subject == Subject::status || subject == Subject::destination_type || subject == Subject::family;
}

std::optional<std::uint32_t> number_of(Subject subject, std::string_view text) {
  if (is_address(subject)) {
    const Result<Address> address = Address::parse(text);
    return address ? std::optional(address->v4()) : std::nullopt;
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// "67", "1000-2000", "10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9".
std::optional<Range> range_of(Subject subject, std::string_view text) {
  if (is_address(subject) && text.find('/') != std::string_view::npos) {
    const Result<Prefix> prefix = Prefix::parse(text);
    return prefix ? std::optional(Range{prefix->network().v4(), prefix->broadcast().v4()}) : std::nullopt;
  }
  const std::size_t dash = text.find('-');
  const auto first = number_of(subject, text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number_of(subject, text.substr(dash + 1));
  return first && last ? std::optional(Range{*first, *last}) : std::nullopt;
}

bool put_value(Condition& condition, const std::string& text) {
  if (is_named(condition.subject)) {
    condition.names.push_back(text);
    return text.find_first_of("$<>=!&|^@") == std::string::npos;
  }
  const auto range = range_of(condition.subject, text);
  if (range) {
    condition.ranges.push_back(*range);
  }
  return range.has_value();
}

} // namespace

Condition condition_of(Subject subject, const std::vector<std::string>& values, bool negated) {
  Condition condition{subject, negated, {}, {}};
  const bool understood =
      std::all_of(values.begin(), values.end(), [&](const std::string& text) { return put_value(condition, text); });
  return understood && !values.empty() ? condition : Condition{};
}

Condition protocol_is(std::uint32_t number) {
  return {Subject::protocol, false, {}, {{number, number}}};
}

} // namespace fan::nft
