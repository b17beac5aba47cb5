#include "doctor/finding.h"

#include <algorithm>

namespace fan::doctor {

std::string_view name_of(Severity severity) {
  switch (severity) {
  case Severity::note:
    return "note";
  case Severity::warning:
    return "warning";
  case Severity::problem:
    return "problem";
  }
  return "problem";
}

void Findings::add(Finding finding) {
  finding.id = check_;
  found_.push_back(std::move(finding));
}

void Findings::unseen(const std::string& why) {
  Unseen one{check_, why};
  if (std::find(unseen_.begin(), unseen_.end(), one) == unseen_.end()) {
    unseen_.push_back(std::move(one));
  }
}

void Findings::unseen(const Error& why) {
  unseen(why.kernel_text.empty() ? why.message : why.message + ": " + why.kernel_text);
}

Severity Findings::worst() const {
  return std::max_element(found_.begin(), found_.end(),
                          [](const Finding& a, const Finding& b) { return a.severity < b.severity; })
      ->severity;
}

} // namespace fan::doctor
