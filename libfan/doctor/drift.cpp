#include <fmt/format.h>

#include "doctor/checks.h"
#include "doctor/lines.h"

namespace fan::doctor {
namespace {

std::string said(const Drift& drift) {
  const auto or_nothing = [](const std::string& text) { return text.empty() ? std::string("nothing") : text; };
  return fmt::format("{}: expected {}, found {}", drift.key, or_nothing(drift.expected), or_nothing(drift.found));
}

} // namespace

void check_drift(const Evidence& evidence, Findings& findings) {
  if (!evidence.complete) {
    findings.unseen("reading the fans' objects takes CAP_SYS_ADMIN");
    return;
  }
  for (const FanStatus& status : evidence.fans) {
    if (status.drift.empty()) {
      continue;
    }
    Finding finding;
    finding.subject = status.fan.bridge;
    finding.what = "the fan is not as it should be: something was deleted, altered or added";
    for (const Drift& drift : status.drift) {
      finding.evidence.push_back(said(drift));
    }
    finding.consequence = "packets may be lost, or refused, until it is repaired";
    finding.fix = up_line(status.fan.spec);
    findings.add(std::move(finding));
  }
}

} // namespace fan::doctor
