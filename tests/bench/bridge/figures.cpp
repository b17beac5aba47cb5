#include "bridge/figures.h"

#include <cstdio>

#include <fmt/format.h>

#include "percentile.h"

namespace fan::bench {

void print(const Row& row) {
  std::printf("%s", fmt::format("{:58} {:>12} {:>12} {:10.4f} {:10.4f} {}\n", row.what, row.ours, row.peer, row.figure,
                                row.target, row.figure <= row.target ? "met" : "MISSED")
                        .c_str());
  (void)std::fflush(stdout);
}

std::vector<double> by_turns(unsigned rounds, const std::vector<std::function<double()>>& each) {
  std::vector<std::vector<double>> values(each.size());
  for (unsigned round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < each.size(); ++i) {
      values[i].push_back(each[i]());
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& one : values) {
    medians.push_back(median(one));
  }
  return medians;
}

std::string us(double ns) {
  return fmt::format("{:.2f} us", ns / 1000);
}

} // namespace fan::bench
