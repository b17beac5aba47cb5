// fanctl apply: the host gets the fans of the configuration, and of those that came from it no others.
#include <CLI/CLI.hpp>

#include "fanctl/applying.h"
#include "fanctl/change.h"

namespace fan::cli {

namespace {

struct ApplyArguments {
  ChangeArguments change;
  FileArguments files;
  bool check = false;
  bool exit_code = false;
};

void declare(CLI::App& app, ApplyArguments& into) {
  declare_files(app, into.files, true);
  app.add_flag("--check", into.check, "change nothing; exit with status 9 when the host is not as configured");
  app.add_flag("--exit-code", into.exit_code, "exit with status 9, not 0, when something was changed");
  declare_change(app, into.change);
}

Result<void> parse(Words arguments, ApplyArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return parsed;
  }
  into.change.all = true; // several requests, each with its own outcome
  return check_files(into.files);
}

Result<Applying> work(const ApplyArguments& given, World& world) {
  Result<ReadConfiguration> read = read_configuration_files(given.files.source(), world.devices());
  if (!read) {
    return std::move(read).error();
  }
  ChangeArguments change = given.change;
  change.dry_run = given.change.dry_run || given.check;
  Result<Provider*> provider = ready(change, world);
  if (!provider) {
    return std::move(provider).error();
  }
  // Who waited for another fanctl goes by what the files say now.
  read = read_configuration_files(given.files.source(), world.devices());
  return read ? apply_read(std::move(read).value(), **provider, "apply", change.dry_run)
              : Result<Applying>(std::move(read).error());
}

ExitStatus say(Applying& work, const ApplyArguments& given, const World& world, Console& console) {
  if (!given.change.common.json && !given.change.dry_run) {
    console.out += work.summary;
    work.report.dry_run = false; // --check alone prints no commands
  }
  const ExitStatus status = tell(work.report, given.change, world, console);
  const bool told = (given.check || given.exit_code) && !work.summary.empty();
  return status == ExitStatus::success && told ? ExitStatus::differs : status;
}

} // namespace

std::string help_apply() {
  CLI::App app;
  ApplyArguments unused;
  declare(app, unused);
  return "usage: fanctl apply [FILE...] [--dir DIRECTORY] [--dry-run] [--check] [--exit-code] [OPTIONS]\n\n"
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
  Result<Applying> done = work(given, world);
  return done ? say(*done, given, world, console)
              : fail(console, given.change.common.json, std::move(done).error().within("apply"));
}

} // namespace fan::cli
