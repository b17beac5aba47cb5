// fanctl show: looks only. Works without root as far as the kernel lets it.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "core/words.h"
#include "fanctl/commands.h"
#include "fanctl/output/error_text.h"
#include "fanctl/output/show_json.h"
#include "fanctl/output/table.h"

namespace fan::cli {

namespace {

struct ShowArguments {
  CommonArguments common;
  std::vector<std::string> words;
  bool stats = false;
  bool refused = false;
  bool check = false;
};

void declare(CLI::App& app, ShowArguments& into) {
  app.add_option("words", into.words)->group("");
  app.add_flag("--stats", into.stats, "packets accepted and refused, by reason");
  app.add_flag("--refused", into.refused, "whose packets were refused");
  app.add_flag("--check", into.check, "exit with status 8 when a fan is not as it should be");
  declare_common(app, into.common);
}

// FAN is a bridge, an overlay or a slice.
bool is_meant(const Fan& fan, const std::string& name) {
  return name == fan.bridge || name == fan.spec.overlay_text || name == fan.mapping.overlay().str() ||
         name == fan.slice().str();
}

Error no_such_fan(const std::string& name, const std::vector<FanStatus>& fans) {
  std::string names;
  for (const FanStatus& status : fans) {
    names += (names.empty() ? "" : ", ") + status.fan.bridge;
  }
  return host_error("no fan " + fan::quoted(name) + " on this host",
                    names.empty() ? "no fan is up" : "the fans are " + names);
}

Result<void> select(Status& status, const std::vector<std::string>& names) {
  if (names.empty()) {
    return {};
  }
  std::vector<FanStatus> chosen;
  for (const FanStatus& fan : status.fans) {
    if (is_meant(fan.fan, names.front())) {
      chosen.push_back(fan);
    }
  }
  if (chosen.empty()) {
    return no_such_fan(names.front(), status.fans);
  }
  status.fans = std::move(chosen);
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
  if (Result<void> selected = select(view.status, given.words); !selected) {
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
  if (!view.status.complete && given.common.verbose) {
    console.err +=
        note_text("read from the bridges alone: whether the rest is as it should be takes CAP_SYS_ADMIN to see");
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
  if (into.words.size() > 1) {
    return usage_error("one fan at most, and there is " + fan::quoted(into.words[1]) + " too", "fanctl show [FAN]");
  }
  return {};
}

} // namespace

std::string help_show() {
  CLI::App app;
  ShowArguments unused;
  declare(app, unused);
  return "usage: fanctl show [FAN] [--stats] [--refused] [--check] [--json] [-v]\n\n"
         "Lists the fans of this host. FAN is a bridge, an overlay or a slice. A fan of which something was deleted or "
         "altered\n"
         "has the flag `degraded`; -v says what.\n\n"
         "options:\n" +
         options_text(app) + "\nNeeds no root to list; --check, --stats and --refused do.\n";
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
  Result<ShowView> view = look(given, world);
  if (!view) {
    return fail(console, given.common.json, std::move(view).error().within("show"));
  }
  if (given.check && !view->status.complete) {
    Error error = make_error(ErrorClass::privilege, "show --check: the fans' objects cannot be read",
                             "run it as root: sudo fanctl show --check");
    return fail(console, given.common.json, error);
  }
  print(given, *view, console);
  return verdict(given, view->status);
}

} // namespace fan::cli
