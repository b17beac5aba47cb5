// fanctl apply: the host gets the fans of the configuration, and of those that came from it no others.
#include <algorithm>
#include <iterator>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/errors.h"
#include "fanctl/change.h"
#include "fanctl/configuration_files.h"

namespace fan::cli {

namespace {

struct ApplyArguments {
  ChangeArguments change;
  std::vector<std::string> files;
  std::vector<std::string> directory;
  bool check = false;
};

void declare(CLI::App& app, ApplyArguments& into) {
  app.add_option("files", into.files)->group("");
  app.add_option("--dir", into.directory,
                 "the *.yaml files of this directory instead of /etc/fanctl and /etc/network/fan")
      ->type_name("DIRECTORY")
      ->allow_extra_args(false);
  app.add_flag("--check", into.check, "change nothing; exit with status 9 when the host is not as configured");
  declare_change(app, into.change);
}

Result<void> parse(Words arguments, ApplyArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return parsed;
  }
  if (into.directory.size() > 1) {
    return usage_error("--dir is given more than once", "give it once");
  }
  const auto empty = [](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), "") != names.end();
  };
  if (empty(into.files) || empty(into.directory)) {
    return usage_error("the name of a file or directory is empty");
  }
  if (!into.files.empty() && !into.directory.empty()) {
    return usage_error("files are named, and --dir too", "give either");
  }
  into.change.all = true; // several requests, each with its own outcome
  return {};
}

struct Work {
  Report report;
  std::string summary; // a line for each fan that was not as configured
};

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

Result<Work> work(const ApplyArguments& given, World& world) {
  Result<ReadConfiguration> read =
      read_configuration_files({given.files, given.directory.empty() ? "" : given.directory.front()});
  if (!read) {
    return std::move(read).error();
  }
  ChangeArguments change = given.change;
  change.dry_run = given.change.dry_run || given.check;
  Result<Provider*> provider = ready(change, world);
  if (!provider) {
    return std::move(provider).error();
  }
  Result<Applied> applied =
      apply_configuration(**provider, read->configuration, RequestOptions{.dry_run = change.dry_run});
  if (!applied) {
    return std::move(applied).error();
  }
  Work work{{"apply", change.dry_run, {}, std::move(read->errors)}, ""};
  if (!read->notes.empty()) {
    work.report.parts.push_back({"netplan", Outcome{.notes = std::move(read->notes)}});
  }
  std::vector<std::string> said;
  for (AppliedPart& part : applied->parts) {
    work.summary += summary_line(part, change.dry_run);
    keep_once(part.outcome.notes, said);
    work.report.parts.push_back({part.title, std::move(part.outcome)});
  }
  std::move(applied->errors.begin(), applied->errors.end(), std::back_inserter(work.report.errors));
  return work;
}

ExitStatus say(Work& work, const ApplyArguments& given, const World& world, Console& console) {
  if (!given.change.common.json && !given.change.dry_run) {
    console.out += work.summary;
    work.report.dry_run = false; // --check alone prints no commands
  }
  const ExitStatus status = tell(work.report, given.change, world, console);
  return status == ExitStatus::success && given.check && !work.summary.empty() ? ExitStatus::differs : status;
}

} // namespace

std::string help_apply() {
  CLI::App app;
  ApplyArguments unused;
  declare(app, unused);
  return "usage: fanctl apply [FILE...] [--dir DIRECTORY] [--dry-run] [--check] [OPTIONS]\n\n"
         "Makes this host have the fans of its configuration: /etc/fanctl/*.yaml and /etc/network/fan. Fans that came "
         "from\n"
         "it and are in it no longer go down, unless something is attached to them. What was brought up by hand is "
         "left as\n"
         "it is, and so are the fans of a file that has an error. With FILE, only the fans of these files are looked "
         "at.\n"
         "Prints a line for each fan that changed, and writes nothing when all is as configured.\n\n"
         "options:\n" +
         options_text(app) + "\nThe format is in fanctl.yaml(5).\nExample: fanctl apply --dry-run\n";
}

ExitStatus run_apply(Words arguments, World& world, Console& console) {
  ApplyArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("apply"));
  }
  if (given.change.common.help) {
    console.out += help_apply();
    return ExitStatus::success;
  }
  Result<Work> done = work(given, world);
  return done ? say(*done, given, world, console)
              : fail(console, given.change.common.json, std::move(done).error().within("apply"));
}

} // namespace fan::cli
