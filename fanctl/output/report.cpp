#include "fanctl/output/report.h"

#include <fmt/format.h>

#include "fanctl/output/error_text.h"
#include "fanctl/output/json.h"

namespace fan::cli {

namespace {

std::string fan_line(const Fan& fan) {
  return fmt::format("  fan {} slice {} gateway {} host {} dev {} type {} mtu {}\n", fan.bridge, fan.slice().str(),
                     fan.gateway().str(), fan.host.str(), fan.device, name_of(fan.spec.encapsulation), fan.mtu);
}

std::string change_line(const Change& change) {
  const char* sign = !change.before ? "+" : change.after ? "~" : "-";
  const std::string why = change.because.empty() ? "" : " (" + change.because + ")";
  return fmt::format("  {} {}{}\n", sign, describe(change.object()), why);
}

Json changes_json(const Report& report) {
  Json changes = Json::array();
  for (const Report::Part& part : report.parts) {
    for (const Change& change : part.outcome.plan) {
      changes.push_back(to_json(change));
    }
  }
  return changes;
}

Json commands_json(const Report& report, const RenderContext& context) {
  Json lines = Json::array();
  for (const Report::Part& part : report.parts) {
    for (const std::string& line : command_lines(part.outcome.plan, context)) {
      lines.push_back(line);
    }
  }
  return lines;
}

} // namespace

std::string commands_text(const Report& report, const RenderContext& context) {
  std::string out;
  for (const Report::Part& part : report.parts) {
    if (report.parts.size() > 1) {
      out += "# " + printable(part.title) + "\n";
    }
    for (const std::string& line : command_lines(part.outcome.plan, context)) {
      out += line + "\n";
    }
  }
  return out;
}

std::string changes_text(const Report& report) {
  std::string out;
  for (const Report::Part& part : report.parts) {
    out += printable(part.title) + (part.outcome.plan.empty() ? ": nothing to do\n" : "\n");
    for (const Fan& fan : part.outcome.fans) {
      out += printable(fan_line(fan).substr(0, fan_line(fan).size() - 1)) + "\n";
    }
    for (const Change& change : part.outcome.plan) {
      const std::string line = change_line(change);
      out += printable(line.substr(0, line.size() - 1)) + "\n";
    }
  }
  return out;
}

std::string report_document(const Report& report, const RenderContext& context) {
  Json document = document_of(report.command);
  document["dry_run"] = report.dry_run;
  document["fans"] = Json::array();
  document["changes"] = changes_json(report);
  document["notes"] = Json::array();
  document["errors"] = Json::array();
  for (const Report::Part& part : report.parts) {
    for (const Fan& fan : part.outcome.fans) {
      document["fans"].push_back(to_json(fan));
    }
    for (const std::string& note : part.outcome.notes) {
      document["notes"].push_back(note);
    }
  }
  for (const Error& error : report.errors) {
    document["errors"].push_back(to_json(error));
  }
  if (report.dry_run) {
    document["commands"] = commands_json(report, context);
  }
  return text_of(document);
}

} // namespace fan::cli
