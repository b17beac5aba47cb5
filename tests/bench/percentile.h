// Of measured values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace fan::bench {

// The value that `percent` of a hundred are below. `values`: at least one; `percent`: less than 100.
inline double percentile(std::vector<double> values, std::size_t percent) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() * percent / 100);
}

inline double median(std::vector<double> values) {
  return percentile(std::move(values), 50);
}

} // namespace fan::bench
