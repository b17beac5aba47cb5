#include "core/suggest.h"

#include <algorithm>
#include <vector>

#include "core/errors.h"

namespace fan {

namespace {

constexpr std::size_t longest_compared = 32; // keeps the table small whatever a person pastes

using Row = std::vector<std::size_t>;

// One row of the optimal-string-alignment distance between `a` and `b`.
Row next_row(std::string_view a, std::string_view b, std::size_t i, const Row& before_last, const Row& last) {
  Row row(b.size() + 1, i);
  for (std::size_t j = 1; j <= b.size(); ++j) {
    const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
    row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
      row[j] = std::min(row[j], before_last[j - 2] + 1);
  }
  return row;
}

std::size_t distance(std::string_view a, std::string_view b) {
  Row before_last;
  Row last(b.size() + 1);
  for (std::size_t j = 0; j < last.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    Row row = next_row(a, b, i, before_last, last);
    before_last = std::move(last);
    last = std::move(row);
  }
  return last.back();
}

} // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > longest_compared)
    return std::nullopt;
  std::size_t best = word.size() <= 4 ? 2 : 3; // one more than is near enough
  std::optional<std::string> found;
  for (const std::string& candidate : candidates) {
    if (candidate == word || candidate.size() > longest_compared)
      continue;
    if (const std::size_t d = distance(word, candidate); d < best && d < word.size()) {
      best = d;
      found = candidate;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const auto near = nearest(word, candidates);
  return near ? "did you mean " + quoted(*near) + "?" : "";
}

} // namespace fan
