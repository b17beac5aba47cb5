#include "core/firewall_obstacles.h"

#include <algorithm>

#include "doctor/checks.h"

namespace fan::doctor {
namespace {

using firewall::Obstacle;

std::vector<Obstacle> obstacles(const Evidence& evidence, const Fan& fan, bool bridged) {
  return obstacles_of(fan, evidence.facts.default_device, *evidence.filters, bridged);
}

Finding finding_of(const Fan& fan, const Obstacle& obstacle) {
  Finding finding;
  finding.subject = fan.bridge;
  finding.what = "another firewall on this host drops " + obstacle.what;
  finding.evidence = {obstacle.where};
  finding.consequence = "these packets do not arrive: an accept in one table does not override a drop in another";
  finding.fix = obstacle.remedy;
  finding.instead = obstacle.remedy.empty() ? "have that firewall accept them" : "";
  return finding;
}

} // namespace

void check_firewall(const Evidence& evidence, Findings& findings) {
  if (!evidence.filters) {
    findings.unseen(evidence.filters.error());
    return;
  }
  for (const FanStatus& status : evidence.fans) {
    for (const Obstacle& obstacle : obstacles(evidence, status.fan, false)) {
      findings.add(finding_of(status.fan, obstacle));
    }
  }
}

// Where a rule drops other packets of the fan as well, its remedy is the same one, and `firewall` has told it.
void check_bridged_frames(const Evidence& evidence, Findings& findings) {
  if (!evidence.filters) {
    findings.unseen(evidence.filters.error());
    return;
  }
  for (const FanStatus& status : evidence.fans) {
    const std::vector<Obstacle> told = obstacles(evidence, status.fan, false);
    for (const Obstacle& obstacle : obstacles(evidence, status.fan, true)) {
      const bool known = std::any_of(told.begin(), told.end(), [&](const Obstacle& other) {
        return other.where == obstacle.where && other.remedy == obstacle.remedy;
      });
      if (!known) {
        Finding finding = finding_of(status.fan, obstacle);
        finding.evidence.emplace_back("net/bridge/bridge-nf-call-iptables = 1: frames between two ports are filtered");
        findings.add(std::move(finding));
      }
    }
  }
}

} // namespace fan::doctor
