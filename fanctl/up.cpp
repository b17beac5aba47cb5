// fanctl up: one fan by its words, or with -a every line of /etc/network/fan, each on its own.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/legacy_file.h"
#include "core/errors.h"
#include "core/words.h"
#include "engine/sequence.h"
#include "fanctl/applying.h"
#include "fanctl/change.h"
#include "fanctl/configuration.h"
#include "fanctl/docker/address_pools.h"

namespace fan::cli {

namespace {

struct UpArguments {
  ChangeArguments change;
  std::vector<std::string> config;
};

void declare(CLI::App& app, UpArguments& into) {
  declare_fan(app, into.change.fan, FanOptions::all);
  app.add_flag("-a,--all", into.change.all, "bring up every fan of /etc/network/fan, or of --config");
  app.add_option("--config", into.config, "the file for -a (default /etc/network/fan)")
      ->type_name("FILE")
      ->allow_extra_args(false);
  declare_change(app, into.change);
}

Result<void> parse(Words arguments, UpArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return parsed;
  }
  if (into.change.all && !into.change.fan.empty()) {
    return usage_error("-a takes its fans from the configuration, and a fan is named too", "give either");
  }
  if (!into.change.all && !into.config.empty()) {
    return usage_error("--config goes with -a", "fanctl up -a --config FILE");
  }
  if (into.config.size() > 1) {
    return usage_error("--config is given more than once", "give it once");
  }
  return into.config == std::vector<std::string>{""} ? usage_error("--config wants the name of a file")
                                                     : Result<void>();
}

// Docker's own networks must not take the addresses of the underlay or of the overlay.
void note_docker(World& world, Report& report) {
  const std::optional<std::string> configuration = world.docker_configuration();
  const std::vector<Prefix> pools =
      configuration ? docker::address_pools(*configuration) : std::vector<Prefix>(); // meets nothing
  for (Report::Part& part : report.parts) {
    for (const Fan& fan : part.outcome.fans) {
      if (std::optional<std::string> note = docker::meeting(pools, fan.mapping.overlay(), fan.mapping.underlay())) {
        part.outcome.notes.push_back(std::move(*note));
      }
    }
  }
}

// `place`: where a file asks for it, if one does.
void report_on(Result<Outcome> outcome, const std::string& title, const std::optional<TextPlace>& place,
               Report& report) {
  if (!outcome) {
    Error error = std::move(outcome).error().within(title);
    error.place = place ? place : error.place;
    report.errors.push_back(std::move(error));
    return;
  }
  for (Error& failure : outcome->failures) {
    failure.place = place ? place : failure.place;
    report.errors.push_back(std::move(failure).within(title));
  }
  report.parts.push_back({title, std::move(outcome).value()});
}

Result<Report> up_one(const UpArguments& given, World& world) {
  Result<std::vector<std::string>> words = words_of_fan(given.change.fan);
  if (!words) {
    return std::move(words).error().within("up");
  }
  const bool by_option = !given.change.fan.overlay.empty();
  const std::string title =
      title_of("up", by_option ? std::vector(words->begin(), words->begin() + 2) : given.change.fan.words);
  Result<FanSpec> spec = parse_words(*words);
  if (!spec) {
    return std::move(spec).error().within(title);
  }
  Result<Provider*> provider = ready(given.change, world);
  if (!provider) {
    return std::move(provider).error().within(title);
  }
  Report report{"up", given.change.dry_run, {}, {}};
  report_on(up(**provider, *spec, RequestOptions{.dry_run = report.dry_run}), title, std::nullopt, report);
  return report;
}

// The fans of the configuration that FAN names: by key, bridge or overlay.
ReadConfiguration only(ReadConfiguration read, const std::string& name) {
  const Result<Prefix> overlay = parse_overlay(name);
  std::erase_if(read.configuration.wanted, [&](const WantedFan& fan) {
    return fan.name != name && fan.spec.bridge != name && !(overlay && fan.spec.overlay == *overlay);
  });
  read.configuration.everything = false; // whatever is not named stays as it is
  read.configuration.files.clear();
  return read;
}

Result<Report> up_configured(const UpArguments& given, World& world) {
  const std::string& name = given.change.fan.words.front();
  Result<ReadConfiguration> read = read_configuration_files({}, world.devices());
  if (!read) {
    return std::move(read).error().within("up");
  }
  ReadConfiguration named = only(std::move(read).value(), name);
  if (named.configuration.wanted.empty()) {
    return parse_overlay(name)
               ? up_one(given, world)
               : Result<Report>(
                     make_error(ErrorClass::not_found, "up: no fan " + fan::quoted(name) + " is in the configuration",
                                "write OVERLAY UNDERLAY, as in 250.0.0.0/8 eth0/16, or look at /etc/fanctl/*.yaml "
                                "and /etc/network/fan"));
  }
  named.errors.clear(); // of files that are not followed; `apply` says them
  named.notes.clear();
  Result<Provider*> provider = ready(given.change, world);
  if (!provider) {
    return std::move(provider).error().within("up");
  }
  Result<Applying> done = apply_read(std::move(named), **provider, "up", given.change.dry_run);
  return done ? Result<Report>(std::move(done->report)) : std::move(done).error().within("up");
}

bool names_configured(const FanArguments& fan) {
  FanArguments others = fan;
  others.words.clear();
  return fan.words.size() == 1 && others.empty();
}

// `up -a` is the form of 2015 and reads what it read then. Who writes YAML is told what does more.
void note_other_files(World& world, Report& report) {
  Result<ReadConfiguration> read = read_configuration_files({}, world.devices());
  if (!read) {
    return; // `apply` says what is wrong
  }
  std::vector<std::string> names;
  for (const WantedFan& fan : read->configuration.wanted) {
    if (fan.spec.origin != default_configuration && !fan.spec.off) {
      names.push_back(fan.name);
    }
  }
  if (!names.empty()) {
    report.parts.push_back(
        {"configuration",
         Outcome{.notes = {fmt::format("-a reads {} only, and leaves out what {} has: {}; `fanctl apply` brings up all",
                                       default_configuration, configuration_directory, fmt::join(names, ", "))}}});
  }
}

// The fans of the lines before a line stay as they are: two lines that mean one slice would change it to and fro.
Result<std::vector<Result<Outcome>>> bring_up(Provider& provider, const std::vector<WantedFan>& wanted, bool dry_run) {
  std::vector<FanSpec> specs;
  for (const WantedFan& fan : wanted) {
    specs.push_back(fan.spec);
  }
  MadeFans made;
  const auto options_for = [](const FanSpec& /*spec*/, const Host& /*host*/, const MadeFans& before) {
    return RequestOptions{.keeps = [&before](const Fan& fan) { return before.has(fan); }};
  };
  return Sequence(provider, dry_run).up_each(specs, options_for, made);
}

Result<Report> up_lines(const std::vector<ConfiguredFan>& lines, Provider& provider, bool dry_run) {
  std::vector<WantedFan> wanted;
  std::vector<std::optional<Error>> wrong; // one for each line
  for (const ConfiguredFan& line : lines) {
    if (!line.spec) {
      wrong.emplace_back(line.spec.error());
      continue;
    }
    WantedFan fan{*line.spec, line.spec->overlay_text + " " + line.spec->underlay_text, line.place};
    wrong.push_back(named_before(fan, wanted));
    if (!wrong.back()) {
      wanted.push_back(std::move(fan));
    }
  }
  Result<std::vector<Result<Outcome>>> outcomes = bring_up(provider, wanted, dry_run);
  if (!outcomes) {
    return std::move(outcomes).error();
  }
  Report report{"up", dry_run, {}, {}};
  std::size_t next = 0;
  for (std::optional<Error>& error : wrong) {
    if (error) {
      report.errors.push_back(std::move(*error));
      continue;
    }
    report_on(std::move((*outcomes)[next]), "up " + wanted[next].name, wanted[next].place, report);
    ++next;
  }
  return report;
}

Result<Report> up_all(const UpArguments& given, World& world) {
  Result<std::vector<ConfiguredFan>> lines = read_configuration(given.config);
  if (!lines) {
    return std::move(lines).error().within("up -a");
  }
  Result<Provider*> provider = ready(given.change, world);
  if (!provider) {
    return std::move(provider).error().within("up -a");
  }
  Result<Report> report = up_lines(*lines, **provider, given.change.dry_run);
  if (report && given.config.empty()) {
    note_other_files(world, *report);
  }
  return report ? std::move(report) : Result<Report>(std::move(report).error().within("up -a"));
}

} // namespace

std::string help_up() {
  CLI::App app;
  UpArguments unused;
  declare(app, unused);
  return "usage: fanctl up OVERLAY UNDERLAY [WORDS] [OPTIONS]\n"
         "       fanctl up -o OVERLAY -u UNDERLAY [WORDS] [OPTIONS]\n"
         "       fanctl up FAN [OPTIONS]\n"
         "       fanctl up -a [--config FILE] [OPTIONS]\n\n"
         "Brings a fan up. On a fan that is up it changes what differs, repairs what is broken, and else does "
         "nothing.\n"
         "FAN is one of the configuration, by its name or overlay. -a brings up those of /etc/network/fan only; fanctl "
         "apply, all.\n\n"
         "words: dhcp | host-reserve N | bridge NAME | off | auto, and every option below of a fan without its "
         "dashes\n\n"
         "options:\n" +
         options_text(app) +
         "\nOVERLAY   250 (for 250.0.0.0/8) or 250.0.0.0/8\n"
         "UNDERLAY  172.30.0.28[/16], eth0[/16], default[/16], or the network 172.30.0.0/16\n"
         "Example:  fanctl up 250.0.0.0/8 eth0/16 dhcp\n";
}

ExitStatus run_up(Words arguments, World& world, Console& console) {
  UpArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("up"));
  }
  if (given.change.common.help) {
    console.out += help_up();
    return ExitStatus::success;
  }
  Result<Report> report = given.change.all                     ? up_all(given, world)
                          : names_configured(given.change.fan) ? up_configured(given, world)
                                                               : up_one(given, world);
  if (!report) {
    return fail(console, given.change.common.json, report.error());
  }
  note_docker(world, *report);
  return tell(*report, given.change, world, console);
}

} // namespace fan::cli
