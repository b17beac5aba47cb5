// What `nft list table` prints, taken apart: the rules as a text that can be compared, the elements, the counters.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/object.h"
#include "core/result.h"

namespace fan::nft {

// How much a rule that drops has dropped.
struct DropCount {
  std::string reason; // the counter's name in the ruleset
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  auto operator<=>(const DropCount&) const = default;
};

struct Listing {
  std::string comment; // the table's, without quotes
  std::string rules;   // everything but comment, elements, counter values, blank lines and indentation, in the spelling
                       // of nft 1.0.6 where that of a later version is known
  std::vector<SetElement> elements;
  std::vector<DropCount> counters;
};

// Precondition: text is what nft prints for one table. Fails (class kernel) where it cannot be followed.
Result<Listing> parse_listing(std::string_view text);

// Listing::rules without the rules: the table's flags, counters, sets, and the chains with their hooks. Not their
// policies: those can be changed where they are, like rules.
std::string frame_of(const std::string& rules);

// A ruleset's text in the form of Listing::rules. Lines that begin with '#' are left out.
std::string comparable(std::string_view rules);

} // namespace fan::nft
