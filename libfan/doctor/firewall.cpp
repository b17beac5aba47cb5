#include "core/firewall_obstacles.h"
#include "doctor/checks.h"

namespace fan::doctor {

void check_firewall(const Evidence& evidence, Findings& findings) {
  if (!evidence.filters) {
    findings.unseen(evidence.filters.error());
    return;
  }
  for (const FanStatus& status : evidence.fans) {
    for (const firewall::Obstacle& obstacle :
         firewall::obstacles_of(status.fan, evidence.facts.default_device, *evidence.filters)) {
      Finding finding;
      finding.subject = status.fan.bridge;
      finding.what = "another firewall on this host drops " + obstacle.what;
      finding.evidence = {obstacle.where};
      finding.consequence = "these packets do not arrive: an accept in one table does not override a drop in another";
      finding.fix = obstacle.remedy;
      finding.instead = obstacle.remedy.empty() ? "have that firewall accept them" : "";
      findings.add(std::move(finding));
    }
  }
}

} // namespace fan::doctor
