#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "core/words.h"
#include "doctor/checks.h"

namespace fan::doctor {
namespace {

constexpr const char* units = "fanctl.service fanctl-apply.timer fanctl-watch.service";

bool has_line(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = split_words(line);
    if (!words.empty() && !words.front().starts_with("#")) {
      return true;
    }
  }
  return false;
}

// The first file that has a fan, "" when there is none.
Result<std::string> configuration(const Evidence& evidence) {
  const Result<std::vector<std::string>> names = evidence.source.names("/etc/fanctl");
  if (!names) {
    return names.error();
  }
  for (const std::string& name : *names) {
    if (name.ends_with(".yaml")) {
      return "/etc/fanctl/" + name;
    }
  }
  const Result<std::optional<std::string>> lines = evidence.source.text("/etc/network/fan");
  if (!lines) {
    return lines.error();
  }
  return std::string(*lines && has_line(**lines) ? "/etc/network/fan" : "");
}

Result<bool> is_enabled(const Evidence& evidence) {
  const Result<std::vector<std::string>> wanted = evidence.source.names("/etc/systemd/system/multi-user.target.wants");
  if (!wanted) {
    return wanted.error();
  }
  return std::find(wanted->begin(), wanted->end(), "fanctl.service") != wanted->end();
}

} // namespace

void check_units(const Evidence& evidence, Findings& findings) {
  const Result<std::vector<std::string>> systemd = evidence.source.names("/run/systemd/system");
  const Result<std::vector<std::string>> runs = evidence.source.names("/run/systemd");
  if (!systemd || !runs) {
    findings.unseen(systemd ? runs.error() : systemd.error());
    return;
  }
  if (std::find(runs->begin(), runs->end(), "system") == runs->end()) {
    return; // systemd is not the init here (sd_booted(3))
  }
  const Result<std::string> file = configuration(evidence);
  const Result<bool> enabled = is_enabled(evidence);
  if (!file || !enabled) {
    findings.unseen(file ? enabled.error() : file.error());
    return;
  }
  if (file->empty() == !*enabled) {
    return;
  }
  Finding finding;
  finding.subject = "fanctl.service";
  if (*enabled) {
    finding.severity = Severity::note;
    finding.what = "the unit is enabled, and no fan is configured";
    finding.evidence = {"no /etc/fanctl/*.yaml, and no line in /etc/network/fan"};
    finding.consequence = "no fan comes up at boot";
    finding.instead = "write one with `fanctl enable`, which brings it up at once";
  } else {
    finding.severity = Severity::warning;
    finding.what = "a fan is configured, and the unit that brings it up is not enabled";
    finding.evidence = {*file, "no fanctl.service in /etc/systemd/system/multi-user.target.wants"};
    finding.consequence = "after the next boot the fan is gone, unless ifupdown or a hook brings it up";
    finding.fix = std::string("systemctl enable --now ") + units;
  }
  findings.add(std::move(finding));
}

} // namespace fan::doctor
