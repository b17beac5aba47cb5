#include "doctor/checks.h"

namespace fan::doctor {

void check_reserved(const Evidence& evidence, Findings& findings) {
  const Prefix reserved = Prefix::of(Address(0xf0000000U), 4);
  for (const FanStatus& status : evidence.fans) {
    if (!reserved.contains(status.fan.gateway())) {
      continue;
    }
    Finding finding;
    finding.severity = Severity::note;
    finding.subject = status.fan.bridge;
    finding.what = "the overlay is of 240.0.0.0/4, which is reserved";
    finding.evidence = {"overlay " + status.fan.mapping.overlay().str()};
    finding.consequence = "Linux uses these addresses like any other; Windows, some routers and clouds refuse them, so "
                          "nothing of those can speak to the fan";
    finding.instead = "no matter between Linux hosts; else choose an overlay of private addresses, such as 10.0.0.0/8";
    findings.add(std::move(finding));
  }
}

} // namespace fan::doctor
