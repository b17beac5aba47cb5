// Lines of the kernel's log and of auditd's, in which any process has words.
#include <algorithm>

#include "doctor/denials.h"
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  const auto denials = fan::doctor::denials_of_ours(text);
  fan::fuzz::require(denials.size() <= 1U + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
                     "a denial is a line");
  for (const fan::doctor::Denial& denial : denials) {
    fan::fuzz::require(denial.line.find('\n') == std::string::npos && text.find(denial.line) != std::string_view::npos,
                       "a denial is a line of the log");
    fan::fuzz::require(denial.line.find(denial.event) != std::string::npos, "its event is named in it");
    fan::fuzz::require(fan::doctor::denials_of_ours(denial.line) == std::vector{denial},
                       "and by itself it is the same");
  }
  return 0;
}
