#include "core/misleading_rule.h"

#include "doctor/checks.h"

namespace fan::doctor {

void check_policy_rules(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    const Result<std::vector<MisleadingRule>> rules = evidence.provider.misleading_rules(status.fan);
    if (!rules) {
      findings.unseen(rules.error());
      continue;
    }
    for (const MisleadingRule& rule : *rules) {
      RuleAdvice advice = advice_on(rule, status.fan);
      Finding finding;
      finding.severity = advice.is_certain ? Severity::problem : Severity::warning;
      finding.subject = status.fan.bridge;
      finding.what = std::move(advice.what);
      finding.evidence = std::move(advice.evidence);
      finding.consequence = std::move(advice.consequence);
      finding.fix = std::move(advice.fix);
      finding.instead = std::move(advice.instead);
      findings.add(std::move(finding));
    }
  }
}

} // namespace fan::doctor
