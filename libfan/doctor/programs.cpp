#include <algorithm>

#include <fmt/format.h>

#include "core/names.h"
#include "doctor/checks.h"

namespace fan::doctor {
namespace {

std::string words_of(const Error& error) {
  return error.kernel_text.empty() ? error.message : error.message + "\n" + error.kernel_text;
}

void check_device(const Evidence& evidence, const LinkFact& link, Findings& findings) {
  const Result<std::vector<std::string>> programs = evidence.source.tcx_programs(link.ifindex);
  if (!programs) {
    findings.unseen(programs.error());
    return;
  }
  for (const std::string& program : *programs) {
    Finding finding;
    finding.subject = link.name;
    finding.what = "a BPF program of somebody else runs on this device before the fan's";
    finding.evidence = {"tcx program " + program};
    finding.consequence = "what it drops, passes or redirects, the fan does not see: it may keep packets away, or let "
                          "forged ones in; `up` refuses to repair what stands behind it";
    finding.instead = "have whoever attached it leave this device alone; `bpftool net show` lists what is attached";
    findings.add(std::move(finding));
  }
}

} // namespace

void check_programs(const Evidence& evidence, Findings& findings) {
  const Result<std::vector<ProgramTrial>> trials = evidence.source.try_programs();
  if (!trials) {
    findings.unseen(trials.error());
    return;
  }
  for (const ProgramTrial& trial : *trials) {
    if (!trial.refused) {
      continue;
    }
    Finding finding;
    finding.severity = trial.role.ends_with("_shortcut") ? Severity::note : Severity::problem; // fans do without it
    finding.subject = trial.role;
    finding.what = "this kernel refuses a BPF program that fans consist of";
    finding.evidence = {words_of(*trial.refused)};
    finding.consequence = "no fan that needs it comes up, or can be repaired, on this kernel";
    finding.instead = trial.refused->hint.empty() ? "use a kernel that docs/limits.md names" : trial.refused->hint;
    findings.add(std::move(finding));
  }
}

void check_tcx(const Evidence& evidence, Findings& findings) {
  if (evidence.all.empty()) {
    return;
  }
  for (const LinkFact& link : evidence.facts.links) {
    const bool bridge = std::any_of(evidence.fans.begin(), evidence.fans.end(),
                                    [&](const FanStatus& one) { return one.fan.bridge == link.name; });
    if (bridge || (link.external && is_ours(link))) {
      check_device(evidence, link, findings);
    }
  }
}

} // namespace fan::doctor
