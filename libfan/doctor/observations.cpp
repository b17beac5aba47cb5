// What was refused already: by a security module, and by the fan.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "doctor/checks.h"

namespace fan::doctor {
namespace {

constexpr std::size_t lines_at_most = 5;

bool is_denial(const std::string& line) {
  return line.find("apparmor=\"DENIED\"") != std::string::npos ||
         (line.find("avc:") != std::string::npos && line.find("denied") != std::string::npos);
}

bool concerns_us(const std::string& line) {
  return line.find("fanctl") != std::string::npos || line.find("dnsmasq") != std::string::npos;
}

} // namespace

void check_kernel_log(const Evidence& evidence, Findings& findings) {
  const Result<std::string> log = evidence.source.kernel_log();
  if (!log) {
    findings.unseen(log.error());
    return;
  }
  Finding finding;
  std::istringstream lines(*log);
  for (std::string line; std::getline(lines, line);) {
    if (is_denial(line) && concerns_us(line)) {
      finding.evidence.push_back(line);
    }
  }
  if (finding.evidence.empty()) {
    return;
  }
  if (finding.evidence.size() > lines_at_most) { // the last ones
    finding.evidence.erase(finding.evidence.begin(), finding.evidence.end() - lines_at_most);
  }
  finding.severity = Severity::warning;
  finding.what = "a security module forbade something to fanctl or dnsmasq";
  finding.consequence = "a fan may not come up, or its DHCP server not start, for no reason that fanctl can see";
  finding.instead = "allow it in the profile or the policy that the line names";
  findings.add(std::move(finding));
}

void check_refusals(const Evidence& evidence, Findings& findings) {
  if (!evidence.refusals) {
    findings.unseen(evidence.refusals.error());
    return;
  }
  const auto most = std::max_element(evidence.refusals->begin(), evidence.refusals->end(),
                                     [](const Refusals& a, const Refusals& b) { return a.packets < b.packets; });
  if (most == evidence.refusals->end() || most->packets == 0) {
    return;
  }
  Finding finding;
  finding.severity = Severity::note;
  finding.subject = most->reason;
  finding.what = "packets were refused since the fan came up, most of all for this: " + most->meaning;
  finding.evidence = {fmt::format("{}: {} packets", most->reason, most->packets)};
  if (!most->whose.empty()) {
    finding.evidence.push_back(most->whose);
  }
  finding.consequence =
      "whoever sent them is not heard; that is what the checks are for, unless it is somebody who should be";
  finding.instead =
      "see `fanctl show --stats` and `fanctl show --refused`; docs/firewall.md says what each reason means";
  findings.add(std::move(finding));
}

} // namespace fan::doctor
