#include "fanctl/output/exposition.h"

#include <fmt/format.h>

#include "fanctl/output/utf8.h"

namespace fan::cli {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

std::string escaped(std::string_view character) {
  return character == "\\" ? "\\\\" : character == "\"" ? "\\\"" : character == "\n" ? "\\n" : std::string(character);
}

} // namespace

std::string label_value(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? std::string(replacement) : escaped(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

void Exposition::family(std::string_view name, MetricType type, std::string_view help) {
  name_ = name;
  head_ =
      fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type == MetricType::counter ? "counter" : "gauge");
}

void Exposition::sample(const Labels& labels, std::uint64_t value) {
  line(labels, fmt::format("{}", value));
}

void Exposition::sample(const Labels& labels, double value) {
  line(labels, fmt::format("{:.6f}", value));
}

void Exposition::line(const Labels& labels, const std::string& value) {
  text_ += head_;
  head_.clear();
  text_ += name_;
  char before = '{';
  for (const auto& [name, text] : labels) {
    text_ += fmt::format("{}{}=\"{}\"", before, name, label_value(text));
    before = ',';
  }
  text_ += labels.empty() ? " " : "} ";
  text_ += value + "\n";
}

} // namespace fan::cli
