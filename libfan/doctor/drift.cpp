#include <fmt/format.h>

#include "core/words.h"
#include "doctor/checks.h"
#include "doctor/lines.h"

namespace fan::doctor {
namespace {

std::string said(const Drift& drift) {
  const auto or_nothing = [](const std::string& text) { return text.empty() ? std::string("nothing") : text; };
  return fmt::format("{}: expected {}, found {}", drift.key, or_nothing(drift.expected), or_nothing(drift.found));
}

// `up` leaves a program that is attached by tcx to whoever put it there, and refuses: the check `tcx` tells of it.
bool is_behind_tcx(const Evidence& evidence, const Drift& drift) {
  const std::vector<std::string> words = split_words(drift.key); // "classifier DEVICE DIRECTION"
  const LinkFact* link = words.size() == 3 && words[0] == "classifier" ? evidence.facts.link(words[1]) : nullptr;
  if (link == nullptr || drift.expected.empty() || drift.found.empty()) {
    return false;
  }
  const Result<std::vector<std::string>> programs = evidence.source.tcx_programs(link->ifindex);
  return programs && !programs->empty();
}

} // namespace

void check_drift(const Evidence& evidence, Findings& findings) {
  if (!evidence.complete) {
    findings.unseen("reading the fans' objects takes CAP_SYS_ADMIN");
    return;
  }
  for (const FanStatus& status : evidence.fans) {
    Finding finding;
    finding.subject = status.fan.bridge;
    finding.what = "the fan is not as it should be: something was deleted, altered or added";
    for (const Drift& drift : status.drift) {
      if (!is_behind_tcx(evidence, drift)) {
        finding.evidence.push_back(said(drift));
      }
    }
    if (finding.evidence.empty()) {
      continue;
    }
    finding.consequence = "packets may be lost, or refused, until it is repaired";
    finding.fix = up_line(status.fan.spec);
    findings.add(std::move(finding));
  }
}

} // namespace fan::doctor
