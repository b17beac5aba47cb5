// Prometheus' text format, version 0.0.4, read as strictly as a scraper that forgives nothing; and the names of metrics
// in PromQL.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace fan::test {

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels; // unescaped
  double value = 0;
};

struct Metrics {
  std::map<std::string, std::string> types; // by family: "counter", "gauge"
  std::vector<Sample> samples;
  std::vector<std::string> complaints; // empty: nothing is wrong

  // The value of the only sample with this name that has these labels among its own; a failure of the test otherwise.
  [[nodiscard]] double value(const std::string& name, const std::map<std::string, std::string>& labels = {}) const;
  [[nodiscard]] std::size_t count(const std::string& name) const;
};

// Complains of: a line of no known form, a bad name, an unknown escape, HELP or TYPE twice or after a sample, a sample
// without them, one apart from its family, the same sample twice, a counter not named _total, other than text in UTF-8.
Metrics parse_metrics(const std::string& text);

// The names of metrics in an expression: words that are no function, keyword, label or duration.
std::set<std::string> metrics_in(const std::string& expression);

} // namespace fan::test
