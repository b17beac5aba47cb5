#include <utility>
#include <vector>

#include "core/misleading_rule.h"
#include "doctor/checks.h"

namespace fan::doctor {

namespace {

Finding finding_of(const MisleadingRule& rule, const Fan& fan) {
  RuleAdvice advice = advice_on(rule, fan);
  Finding finding;
  finding.severity = advice.is_certain ? Severity::problem : Severity::warning;
  finding.subject = fan.bridge;
  finding.what = std::move(advice.what);
  finding.evidence = std::move(advice.evidence);
  finding.consequence = std::move(advice.consequence);
  finding.fix = std::move(advice.fix);
  finding.instead = std::move(advice.instead);
  return finding;
}

} // namespace

void check_policy_rules(const Evidence& evidence, Findings& findings) {
  std::vector<Fan> fans;
  for (const FanStatus& status : evidence.fans) {
    fans.push_back(status.fan);
  }
  const auto rules = evidence.provider.misleading_rules(fans);
  if (!rules) {
    findings.unseen(rules.error());
    return;
  }
  for (std::size_t n = 0; n < fans.size(); ++n) {
    for (const MisleadingRule& rule : (*rules)[n]) {
      findings.add(finding_of(rule, fans[n]));
    }
  }
}

} // namespace fan::doctor
