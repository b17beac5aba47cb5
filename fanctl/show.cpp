// fanctl show: looks only. Works without root as far as the kernel lets it.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "fanctl/applying.h"
#include "fanctl/commands.h"
#include "fanctl/fan_name.h"
#include "fanctl/output/error_text.h"
#include "fanctl/output/show_json.h"
#include "fanctl/output/table.h"

namespace fan::cli {

namespace {

struct ShowArguments {
  CommonArguments common;
  FanArguments fan;    // with --diff its words are the names of files
  FileArguments files; // with --diff
  bool diff = false;
  bool stats = false;
  bool refused = false;
  bool check = false;
};

void declare(CLI::App& app, ShowArguments& into) {
  declare_fan(app, into.fan, FanOptions::none);
  app.add_flag("--stats", into.stats, "packets accepted and refused, by reason");
  app.add_flag("--refused", into.refused, "whose packets were refused");
  app.add_flag("--diff", into.diff, "what `fanctl apply` would change, object by object");
  declare_files(app, into.files, false);
  app.add_flag("--check", into.check, "exit with status 8 when a fan is not as it should be, with --diff 9");
  declare_common(app, into.common);
}

Result<void> select(Status& status, const FanArguments& given, Provider& provider) {
  if (given.empty()) {
    return {};
  }
  Result<std::vector<Fan>> meant = find_fans(given, fans_of(status), provider);
  if (!meant) {
    return std::move(meant).error();
  }
  std::erase_if(status.fans,
                [&](const FanStatus& one) { return std::find(meant->begin(), meant->end(), one.fan) == meant->end(); });
  return {};
}

Result<ShowView> look(const ShowArguments& given, World& world) {
  Result<Provider*> provider = world.provider();
  if (!provider) {
    return std::move(provider).error();
  }
  Result<Status> found = status(**provider);
  if (!found) {
    return std::move(found).error();
  }
  ShowView view{std::move(found).value(), std::nullopt, std::nullopt};
  if (Result<void> selected = select(view.status, given.fan, **provider); !selected) {
    return std::move(selected).error();
  }
  if (given.stats) {
    Result<std::vector<TrafficCount>> counts = world.counters();
    if (!counts) {
      return std::move(counts).error();
    }
    view.counts = std::move(counts).value();
  }
  if (given.refused) {
    Result<std::vector<RefusedPeer>> peers = world.refused();
    if (!peers) {
      return std::move(peers).error();
    }
    view.refused = std::move(peers).value();
  }
  return view;
}

void print(const ShowArguments& given, const ShowView& view, Console& console) {
  if (given.common.json) {
    console.out += show_document(view);
    return;
  }
  if (view.counts) {
    console.out += traffic_table(*view.counts, given.common.verbose);
  }
  if (view.refused) {
    console.out += refused_table(*view.refused);
  }
  if (!view.counts && !view.refused) {
    console.out += fan_table(view.status.fans);
    console.out += given.common.verbose ? fan_details(view.status.fans) : "";
  }
  for (const FanStatus& fan : view.status.fans) {
    console.err += fan.drift.empty() ? "" : note_text(degraded_note(fan));
  }
  for (const Error& error : view.status.unreadable) {
    console.err += note_text(error.message + "; " + error.hint);
  }
  if (view.status.unseen && view.status.unreadable.empty() && given.common.verbose) {
    console.err += note_text(view.status.unseen->message);
  }
}

ExitStatus verdict(const ShowArguments& given, const Status& status) {
  const bool degraded =
      std::any_of(status.fans.begin(), status.fans.end(), [](const FanStatus& f) { return !f.drift.empty(); });
  return given.check && degraded ? ExitStatus::degraded : ExitStatus::success;
}

Result<void> parse(Words arguments, ShowArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return parsed;
  }
  if (!into.diff) {
    return into.files.directory.empty() ? Result<void>() : usage_error("--dir goes with --diff");
  }
  if (into.stats || into.refused || !into.fan.overlay.empty() || !into.fan.underlay.empty()) {
    return usage_error("--diff is about a configuration, and fans or counters are asked for too", "give either");
  }
  into.files.files = std::move(into.fan.words);
  return check_files(into.files);
}

Result<Applying> compare(const ShowArguments& given, World& world) {
  Result<ReadConfiguration> read = read_configuration_files(given.files.source(), world.devices());
  if (!read) {
    return std::move(read).error();
  }
  Result<Provider*> provider = world.provider();
  if (!provider) {
    return std::move(provider).error();
  }
  return apply_read(std::move(read).value(), **provider, "show", true);
}

ExitStatus show_diff(const ShowArguments& given, World& world, Console& console) {
  Result<Applying> work = compare(given, world);
  if (!work) {
    return fail(console, given.common.json, std::move(work).error().within("show --diff"));
  }
  if (given.common.json) {
    console.out += report_document(work->report, world.render_context());
  } else {
    console.out += diff_text(work->report);
    for (const Error& error : work->report.errors) {
      console.err += error_text(error);
    }
  }
  const bool differs = given.check && !work->summary.empty();
  return !work->report.errors.empty() ? ExitStatus::partial : differs ? ExitStatus::differs : ExitStatus::success;
}

} // namespace

std::string help_show() {
  CLI::App app;
  ShowArguments unused;
  declare(app, unused);
  return "usage: fanctl show [FAN] [--stats] [--refused] [--check] [--json] [-v]\n"
         "       fanctl show --diff [FILE... | --dir DIRECTORY] [--check] [--json]\n\n"
         "Lists the fans of this host. FAN is a bridge, an overlay, a slice, or OVERLAY UNDERLAY. A fan of which "
         "something was\n"
         "deleted or altered has the flag `degraded`; -v says what. With --diff: the objects that `fanctl apply` would "
         "change,\n"
         "`-` as they are found and `+` as they are expected.\n\n"
         "options:\n" +
         options_text(app) + "\nNeeds no root to list; --check, --diff, --stats and --refused do.\n";
}

ExitStatus run_show(Words arguments, World& world, Console& console) {
  ShowArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("show"));
  }
  if (given.common.help) {
    console.out += help_show();
    return ExitStatus::success;
  }
  if (given.diff) {
    return show_diff(given, world, console);
  }
  Result<ShowView> view = look(given, world);
  if (!view) {
    return fail(console, given.common.json, std::move(view).error().within("show"));
  }
  if (given.check && !view->status.complete) {
    Error error = *view->status.unseen;
    if (error.kind == ErrorClass::privilege) {
      error.hint = "run it as root: sudo fanctl show --check";
    }
    return fail(console, given.common.json, std::move(error).within("show --check: the fans' objects cannot be read"));
  }
  print(given, *view, console);
  return verdict(given, view->status);
}

} // namespace fan::cli
