#include "fanctl/applying.h"

#include <algorithm>
#include <iterator>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/errors.h"
#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

std::string summary_line(const AppliedPart& part, bool would) {
  const std::string_view removal = "remove ";
  const bool removed = part.title.starts_with(removal);
  const std::string name = removed ? part.title.substr(removal.size()) : part.title;
  const char* verb = removed ? (would ? "would be removed" : "removed") : (would ? "would change" : "changed");
  return part.outcome.plan.empty() ? "" : fmt::format("{}: {}\n", name, verb);
}

// What is said about another firewall, say, is the same for every fan.
void keep_once(std::vector<std::string>& notes, std::vector<std::string>& said) {
  std::erase_if(notes,
                [&](const std::string& note) { return std::find(said.begin(), said.end(), note) != said.end(); });
  said.insert(said.end(), notes.begin(), notes.end());
}

std::string diff_line(char sign, const std::optional<Object>& object) {
  return object ? fmt::format("  {} {}\n", sign, printable(describe(*object))) : "";
}

} // namespace

ConfigurationSource FileArguments::source() const {
  return {files, directory.empty() ? "" : directory.front()};
}

void declare_files(CLI::App& app, FileArguments& into, bool bare) {
  if (bare) {
    app.add_option("files", into.files)->group("");
  }
  app.add_option("--dir", into.directory,
                 "the *.yaml files of this directory instead of /etc/fanctl and /etc/network/fan")
      ->type_name("DIRECTORY")
      ->allow_extra_args(false);
}

Result<void> check_files(const FileArguments& given) {
  if (given.directory.size() > 1) {
    return usage_error("--dir is given more than once", "give it once");
  }
  const auto empty = [](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), "") != names.end();
  };
  if (empty(given.files) || empty(given.directory)) {
    return usage_error("the name of a file or directory is empty");
  }
  if (!given.files.empty() && !given.directory.empty()) {
    return usage_error("files are named, and --dir too", "give either");
  }
  return {};
}

Result<Applying> apply_read(ReadConfiguration read, Provider& provider, const std::string& command, bool dry_run) {
  Result<Applied> applied = apply_configuration(provider, read.configuration, RequestOptions{.dry_run = dry_run});
  if (!applied) {
    return std::move(applied).error();
  }
  Applying work{{command, dry_run, {}, std::move(read.errors)}, ""};
  if (!read.notes.empty()) {
    work.report.parts.push_back({"netplan", Outcome{.notes = std::move(read.notes)}});
  }
  std::vector<std::string> said;
  for (AppliedPart& part : applied->parts) {
    work.summary += summary_line(part, dry_run);
    keep_once(part.outcome.notes, said);
    work.report.parts.push_back({part.title, std::move(part.outcome)});
  }
  std::move(applied->errors.begin(), applied->errors.end(), std::back_inserter(work.report.errors));
  return work;
}

std::string diff_text(const Report& report) {
  std::string out;
  for (const Report::Part& part : report.parts) {
    out += part.outcome.plan.empty() ? "" : printable(part.title) + "\n";
    for (const Change& change : part.outcome.plan) {
      out += diff_line('-', change.before) + diff_line('+', change.after);
    }
  }
  return out;
}

} // namespace fan::cli
