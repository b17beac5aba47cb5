// fanctl down: one fan by its words or its name, or several with -a or -e.
#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "fanctl/change.h"
#include "fanctl/fan_name.h"

namespace fan::cli {

namespace {

struct DownArguments {
  ChangeArguments change;
  bool every = false;
  bool force = false;
};

void declare(CLI::App& app, DownArguments& into) {
  declare_fan(app, into.change.fan, FanOptions::none);
  app.add_flag("-a,--all", into.change.all, "every fan that came from the configuration (flag auto)");
  app.add_flag("-e,--every", into.every, "every fan, and what a killed fanctl left behind");
  app.add_flag("--force", into.force, "also while ports are attached to the bridge");
  declare_change(app, into.change);
}

Result<void> parse(Words arguments, DownArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return parsed;
  }
  if (into.change.all && into.every) {
    return usage_error("-a and -e contradict each other", "-e takes down every fan, -a those of the configuration");
  }
  if ((into.change.all || into.every) && !into.change.fan.empty()) {
    return usage_error("-a and -e take no fan, and one is named", "give either");
  }
  return {};
}

Result<Selector> selector_of(const DownArguments& given) {
  Selector which;
  if (given.change.all || given.every) {
    which.all = given.every ? Selector::All::every : Selector::All::configured;
    return which;
  }
  Result<FanName> name = fan_name_of(given.change.fan);
  if (!name) {
    return std::move(name).error();
  }
  which.name = std::move(name->word);
  which.spec = std::move(name->pair);
  return which;
}

std::string title_of_down(const DownArguments& given) {
  const FanArguments& fan = given.change.fan;
  if (given.change.all || given.every) {
    return given.every ? "down -e" : "down -a";
  }
  std::vector<std::string> words = fan.overlay;
  words.insert(words.end(), fan.underlay.begin(), fan.underlay.end());
  words.insert(words.end(), fan.words.begin(), fan.words.end());
  return title_of("down", words);
}

Result<Report> take_down(const DownArguments& given, World& world) {
  Result<Selector> which = selector_of(given);
  if (!which) {
    return std::move(which).error();
  }
  Result<Provider*> provider = ready(given.change, world);
  if (!provider) {
    return std::move(provider).error();
  }
  Result<Outcome> outcome =
      down(**provider, *which, RequestOptions{.dry_run = given.change.dry_run, .force = given.force});
  if (!outcome) {
    return std::move(outcome).error();
  }
  Report report{"down", given.change.dry_run, {}, {}};
  for (Error& failure : outcome->failures) {
    report.errors.push_back(std::move(failure).within(title_of_down(given)));
  }
  report.parts.push_back({title_of_down(given), std::move(outcome).value()});
  return report;
}

} // namespace

std::string help_down() {
  CLI::App app;
  DownArguments unused;
  declare(app, unused);
  return "usage: fanctl down OVERLAY UNDERLAY [OPTIONS]\n"
         "       fanctl down -o OVERLAY -u UNDERLAY [OPTIONS]\n"
         "       fanctl down FAN [OPTIONS]\n"
         "       fanctl down -a | -e [OPTIONS]\n\n"
         "Takes a fan down and leaves what was there before it. Works when the underlay's device or address is "
         "gone.\n"
         "FAN is a bridge, an overlay or a slice; all fans of an overlay are meant.\n\n"
         "options:\n" +
         options_text(app) + "\nExample: fanctl down 250.0.0.0/8 eth0/16\n";
}

ExitStatus run_down(Words arguments, World& world, Console& console) {
  DownArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("down"));
  }
  if (given.change.common.help) {
    console.out += help_down();
    return ExitStatus::success;
  }
  Result<Report> report = take_down(given, world);
  if (!report) {
    return fail(console, given.change.common.json, std::move(report).error().within(title_of_down(given)));
  }
  return tell(*report, given.change, world, console);
}

} // namespace fan::cli
