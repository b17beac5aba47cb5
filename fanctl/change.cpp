#include "fanctl/change.h"

#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "core/words.h"
#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

constexpr std::size_t longest_title = 120; // bytes; a person recognises a request by its beginning

Result<std::chrono::milliseconds> wait_of(const ChangeArguments& given) {
  if (given.wait.size() > 1) {
    return usage_error("--wait is given more than once", "give it once");
  }
  return parse_wait(given.wait.empty() ? default_wait : given.wait.front());
}

void tell_text(const Report& report, const ChangeArguments& given, const World& world, Console& console) {
  if (report.dry_run) {
    console.out += commands_text(report, world.render_context());
  }
  if (given.common.verbose) {
    (report.dry_run ? console.err : console.out) += changes_text(report);
  }
  for (const Report::Part& part : report.parts) {
    for (const std::string& note : part.outcome.notes) {
      console.err += note_text(note);
    }
  }
  for (const Error& error : report.errors) {
    console.err += error_text(error);
  }
}

} // namespace

void declare_wait(CLI::App& app, ChangeArguments& into) {
  app.add_option("--wait", into.wait, "wait this long for another fanctl (default 10)")
      ->type_name("SECONDS")
      ->allow_extra_args(false);
}

void declare_change(CLI::App& app, ChangeArguments& into) {
  app.add_flag("--dry-run", into.dry_run, "print the commands that would do it, and do nothing");
  declare_wait(app, into);
  declare_common(app, into.common);
}

std::string title_of(const std::string& command, const std::vector<std::string>& words) {
  const std::string title = words.empty() ? command : command + " " + join_words(words);
  return title.size() > longest_title ? title.substr(0, longest_title) + "..." : title;
}

Result<Provider*> ready(const ChangeArguments& given, World& world) {
  Result<std::chrono::milliseconds> wait = wait_of(given);
  if (!wait) {
    return std::move(wait).error();
  }
  if (given.dry_run) {
    return world.provider();
  }
  if (Result<void> allowed = world.may_change(); !allowed) {
    return std::move(allowed).error();
  }
  if (Result<void> locked = world.lock(*wait); !locked) {
    return std::move(locked).error();
  }
  return world.provider();
}

ExitStatus tell(const Report& report, const ChangeArguments& given, const World& world, Console& console) {
  if (!given.all && report.parts.empty() && !report.errors.empty()) {
    return fail(console, given.common.json, report.errors.front());
  }
  if (given.common.json) {
    console.out += report_document(report, world.render_context());
  } else {
    tell_text(report, given, world, console);
  }
  return report.errors.empty() ? ExitStatus::success : ExitStatus::partial;
}

} // namespace fan::cli
