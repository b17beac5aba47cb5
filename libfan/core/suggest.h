// "did you mean": the nearest of the words that would have been right.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fan {

// The candidate that differs from `word` by the fewest insertions, deletions, replacements and swaps of neighbours, if
// that is few for a word of this length (1 up to 4 bytes, 2 above). The first of equals. Never the word itself.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// "did you mean 'dhcp'?", or "" when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

} // namespace fan
