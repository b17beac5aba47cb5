// Prometheus' text format, version 0.0.4: families of samples. Pure. Whoever writes families cannot write one that a
// scraper refuses: names are checked by the tests, values of labels are escaped here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fan::cli {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

enum class MetricType { counter, gauge };

class Exposition {
public:
  // Begins a family. One without samples is left out of the text.
  void family(std::string_view name, MetricType type, std::string_view help);
  void sample(const Labels& labels, std::uint64_t value);
  void sample(const Labels& labels, double value);

  [[nodiscard]] const std::string& text() const { return text_; }

private:
  void line(const Labels& labels, const std::string& value);

  std::string text_;
  std::string_view name_;
  std::string head_; // of a family that has no sample yet
};

// As it stands between the quotes: backslash, quote and line feed escaped; bytes that are no UTF-8, which a device's
// name may hold, as U+FFFD each.
std::string label_value(std::string_view text);

} // namespace fan::cli
