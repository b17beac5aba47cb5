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

std::vector<std::vector<std::string>> commands_of(const Report& report, const RenderContext& context) {
  std::vector<std::vector<Change>> plans;
  for (const Report::Part& part : report.parts) {
    plans.push_back(part.outcome.plan);
  }
  return command_lines(plans, context);
}

Json commands_json(const Report& report, const RenderContext& context) {
  Json all = Json::array();
  for (const std::vector<std::string>& lines : commands_of(report, context)) {
    for (const std::string& line : lines) {
      all.push_back(line);
    }
  }
  return all;
}

} // namespace

std::string commands_text(const Report& report, const RenderContext& context) {
  std::string out;
  const std::vector<std::vector<std::string>> commands = commands_of(report, context);
  for (std::size_t n = 0; n < commands.size(); ++n) {
    if (commands.size() > 1 && !commands[n].empty()) {
      out += "# " + printable(report.parts[n].title) + "\n";
    }
    for (const std::string& line : commands[n]) {
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
