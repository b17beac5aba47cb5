// The table that comes out: each figure, what it is against, and what was aimed at.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace fan::bench {

struct Row {
  std::string what;
  std::string ours;
  std::string peer;
  double figure = 0; // a ratio, or a number of copies
  double target = 0; // at most
};

void print(const Row& row);

// The medians of `rounds` measurements of each, taken by turns.
std::vector<double> by_turns(unsigned rounds, const std::vector<std::function<double()>>& each);

std::string us(double ns);

} // namespace fan::bench
