#include "fanctl/output/diagnosis.h"

#include <fmt/format.h>

#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

using doctor::Finding;

std::string line_of(std::string_view label, std::string_view text) {
  return text.empty() ? std::string() : fmt::format("    {}: {}\n", label, printable(text));
}

std::string text_of(const Finding& finding) {
  const std::string subject = finding.subject.empty() ? std::string() : " " + printable(finding.subject);
  std::string out =
      fmt::format("{} {}{}: {}\n", doctor::name_of(finding.severity), finding.id, subject, printable(finding.what));
  for (const std::string& seen : finding.evidence) {
    out += line_of("seen", seen);
  }
  return out + line_of("so", finding.consequence) + line_of("fix", finding.fix) + line_of("no fix", finding.instead);
}

Json null_if_empty(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json finding_json(const Finding& finding) {
  return Json{{"id", finding.id},
              {"severity", doctor::name_of(finding.severity)},
              {"subject", null_if_empty(finding.subject)},
              {"what", finding.what},
              {"evidence", finding.evidence},
              {"consequence", finding.consequence},
              {"fix", null_if_empty(finding.fix)},
              {"instead", null_if_empty(finding.instead)}};
}

} // namespace

std::string diagnosis_text(const doctor::Findings& findings, bool all) {
  std::string out;
  for (const Finding& finding : findings.found()) {
    if (all || finding.severity != doctor::Severity::note) {
      out += text_of(finding);
    }
  }
  if (!all) {
    return out;
  }
  for (const doctor::Check& check : doctor::checks()) {
    out += fmt::format("looked at: {}: {}\n", check.id, check.looks_at);
  }
  for (const doctor::Unseen& one : findings.not_seen()) {
    out += fmt::format("not looked at: {}: {}\n", one.check, printable(one.why));
  }
  return out;
}

Json diagnosis_json(const doctor::Findings& findings) {
  Json document = document_of("doctor");
  document["findings"] = Json::array();
  for (const Finding& finding : findings.found()) {
    document["findings"].push_back(finding_json(finding));
  }
  document["checks"] = Json::array();
  for (const doctor::Check& check : doctor::checks()) {
    document["checks"].push_back(check.id);
  }
  document["not_looked_at"] = Json::array();
  for (const doctor::Unseen& one : findings.not_seen()) {
    document["not_looked_at"].push_back(Json{{"check", one.check}, {"why", one.why}});
  }
  return document;
}

} // namespace fan::cli
