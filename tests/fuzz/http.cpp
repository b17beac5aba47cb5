// The request that a stranger sends, and a name that a stranger gave a device, as a label.
#include <algorithm>

#include "fanctl/http/request.h"
#include "fanctl/output/exposition.h"
#include "property.h"

namespace {

// No quote, backslash or line feed that is not escaped.
bool stands_between_quotes(std::string_view label) {
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (label[i] == '"' || label[i] == '\n') {
      return false;
    }
    if (label[i] == '\\' &&
        (++i == label.size() || std::string_view("\\\"n").find(label[i]) == std::string_view::npos)) {
      return false;
    }
  }
  return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  const std::string answer = fan::cli::http::answer_to(text, "the metrics");
  const std::string_view status = std::string_view(answer).substr(0, 12);
  fan::fuzz::require(status.starts_with("HTTP/1.0 ") && status != "HTTP/1.0 500", "there is an answer");
  fan::fuzz::require(answer.find("\r\n\r\n") != std::string::npos, "its header ends");
  fan::fuzz::require(!answer.ends_with("the metrics") || (status == "HTTP/1.0 200" && text.starts_with("GET ")),
                     "metrics are for who asks for them");
  fan::fuzz::require(stands_between_quotes(fan::cli::label_value(text)), "a label ends where its quote does");
  fan::cli::Exposition metrics;
  metrics.family("a_total", fan::cli::MetricType::counter, "Something.");
  metrics.sample({{"device", std::string(text)}, {"kind", "bridge"}}, std::uint64_t{1});
  metrics.sample({}, 0.5);
  fan::fuzz::require(std::count(metrics.text().begin(), metrics.text().end(), '\n') == 4, "a sample is a line");
  return 0;
}
