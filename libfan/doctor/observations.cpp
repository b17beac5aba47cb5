// What was refused already: by a security module, and by the fan.
#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "doctor/checks.h"
#include "doctor/denials.h"

namespace fan::doctor {
namespace {

constexpr std::size_t lines_at_most = 5;

// When this machine was started, in seconds since 1970 (proc(5)); 0 when nobody says.
std::uint64_t time_of_boot(const Evidence& evidence) {
  constexpr std::string_view key = "\nbtime ";
  const Result<std::optional<std::string>> text = evidence.source.text("/proc/stat");
  const std::size_t at = text && *text ? (*text)->find(key) : std::string::npos;
  return at == std::string::npos ? 0 : std::strtoull((*text)->c_str() + at + key.size(), nullptr, 10);
}

bool has_server(const Evidence& evidence) {
  return std::any_of(evidence.all.begin(), evidence.all.end(), [](const Fan& fan) { return fan.spec.dhcp; });
}

// Where auditd runs, the kernel's log has none of them. Its own is older than this boot: what was forbidden then may be
// allowed since.
void add_those_of_auditd(const Evidence& evidence, std::vector<Denial>& denials, Findings& findings) {
  const Result<std::optional<std::string>> log = evidence.source.audit_log();
  if (!log) {
    findings.unseen(log.error());
  }
  const std::uint64_t boot = time_of_boot(evidence);
  for (Denial& denial : denials_of_ours(log && *log ? **log : std::string(), has_server(evidence))) {
    const bool known = std::any_of(denials.begin(), denials.end(), [&](const Denial& other) {
      return !denial.event.empty() && other.event == denial.event;
    });
    if (!known && denial.seconds >= boot) {
      denials.push_back(std::move(denial));
    }
  }
}

} // namespace

void check_kernel_log(const Evidence& evidence, Findings& findings) {
  const Result<std::string> log = evidence.source.kernel_log();
  if (!log) {
    findings.unseen(log.error());
  }
  std::vector<Denial> denials = denials_of_ours(log ? *log : std::string(), has_server(evidence));
  add_those_of_auditd(evidence, denials, findings);
  if (denials.empty()) {
    return;
  }
  Finding finding;
  for (std::size_t n = denials.size() - std::min(denials.size(), lines_at_most); n < denials.size(); ++n) {
    finding.evidence.push_back(denials[n].line); // the last ones
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
