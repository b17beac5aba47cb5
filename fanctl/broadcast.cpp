// fanctl broadcast: who may send broadcasts on a fan's bridge, and who receives them.
#include <CLI/CLI.hpp>

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/suggest.h"
#include "engine/broadcast.h"
#include "fanctl/change.h"
#include "fanctl/fan_name.h"
#include "fanctl/output/broadcasts.h"
#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

struct BroadcastArguments {
  ChangeArguments change;
  std::vector<std::string> words; // the verb, then WHO
  std::vector<std::string> fan;
  bool force = false;

  [[nodiscard]] const std::string& verb() const { return words.front(); }
  [[nodiscard]] std::vector<std::string> who() const { return {words.begin() + 1, words.end()}; }
};

void declare(CLI::App& app, BroadcastArguments& into) {
  app.add_option("words", into.words)->group("");
  app.add_option("--fan", into.fan, "the fan that is meant, where there are several: its bridge, overlay or slice")
      ->type_name("FAN")
      ->allow_extra_args(false);
  app.add_flag("--force", into.force, "reset: also while there are ports without an endpoint");
  declare_change(app, into.change);
}

const std::vector<std::string> verbs{"reset", "off", "allow", "disallow", "receive", "list"};

Result<void> parse(Words arguments, BroadcastArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed || into.change.common.help) {
    return parsed;
  }
  const std::string verb = into.words.empty() ? "" : into.words.front();
  if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end()) {
    const auto near = nearest(verb, verbs);
    return usage_error(verb.empty() ? "says not what to do" : "cannot " + fan::quoted(verb),
                       near ? "did you mean '" + *near + "'?" : fmt::format("{}", fmt::join(verbs, ", ")));
  }
  const bool names_somebody = verb == "allow" || verb == "disallow" || verb == "receive";
  if (verb != "list" && names_somebody != (into.words.size() > 1)) {
    return usage_error(names_somebody ? "says not who" : "does not expect " + fan::quoted(into.words.back()),
                       "WHO is a port, a MAC address, an endpoint's address, or a container; the fan goes with --fan");
  }
  return into.fan.size() > 1 ? Result<void>(usage_error("--fan is given more than once", "give it once"))
                             : Result<void>();
}

std::optional<FanName> name_of(const BroadcastArguments& given) {
  return given.fan.empty() ? std::nullopt : std::optional(FanName{given.fan.front(), std::nullopt});
}

ContainerNames containers_of(World& world) {
  return [&world](const std::string& name) { return world.container(name); };
}

Result<Outcome> change(const BroadcastArguments& given, World& world) {
  static const std::map<std::string, BroadcastVerb> known{
      {"off", BroadcastVerb::off},           {"reset", BroadcastVerb::reset},     {"allow", BroadcastVerb::allow},
      {"disallow", BroadcastVerb::disallow}, {"receive", BroadcastVerb::receive},
  };
  std::vector<std::string> who = given.who();
  BroadcastVerb verb = known.at(given.verb());
  if (verb == BroadcastVerb::receive && who.size() == 1 && (who.front() == "all" || who.front() == "none")) {
    verb = who.front() == "all" ? BroadcastVerb::receivers : verb;
    who.clear();
  }
  Result<Provider*> provider = ready(given.change, world);
  return provider ? change_broadcast(**provider, name_of(given), verb, who, containers_of(world),
                                     RequestOptions{.dry_run = given.change.dry_run, .force = given.force})
                  : std::move(provider).error();
}

ExitStatus list(const BroadcastArguments& given, World& world, Console& console) {
  Result<Provider*> provider = world.provider();
  Result<std::vector<BroadcastStatus>> all =
      provider ? list_broadcast(**provider, name_of(given), given.who(), containers_of(world))
               : Result<std::vector<BroadcastStatus>>(provider.error());
  if (!all) {
    return fail(console, given.change.common.json, std::move(all).error().within("broadcast list"));
  }
  console.out += given.change.common.json ? broadcast_document(*all) : broadcast_table(*all);
  return ExitStatus::success;
}

} // namespace

std::string help_broadcast() {
  CLI::App app;
  BroadcastArguments unused;
  declare(app, unused);
  return "usage: fanctl broadcast reset | off [OPTIONS]\n"
         "       fanctl broadcast list [WHO...] [OPTIONS]\n"
         "       fanctl broadcast allow | disallow WHO... [OPTIONS]\n"
         "       fanctl broadcast receive WHO... | all | none [OPTIONS]\n\n"
         "Says whose broadcasts a fan's bridge copies, and to whom.\n\n"
         "reset     to nobody; they reach this host alone, so DHCP and who-has for endpoints work (fanctl endpoint)\n"
         "allow     those of WHO to everybody; disallow takes it back\n"
         "receive   to WHO and those named before; all: to everybody again; none: to nobody yet\n"
         "off       from everybody to everybody, as a bridge does it\n"
         "list      says how it is, for all or for WHO\n\n"
         "options:\n" +
         options_text(app) +
         "\nWHO      a port, a MAC address, the address of a registered endpoint, or the name of a running container "
         "of "
         "Docker or LXC\n"
         "Example: fanctl broadcast allow 250.0.28.2\n";
}

ExitStatus run_broadcast(Words arguments, World& world, Console& console) {
  BroadcastArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("broadcast"));
  }
  if (given.change.common.help) {
    console.out += help_broadcast();
    return ExitStatus::success;
  }
  if (given.verb() == "list") {
    return list(given, world, console);
  }
  const std::string title = "broadcast " + given.verb();
  Result<Outcome> outcome = change(given, world);
  if (!outcome) {
    return fail(console, given.change.common.json, std::move(outcome).error().within(title));
  }
  Report report{"broadcast", given.change.dry_run, {}, {}};
  report.parts.push_back({title, std::move(outcome).value()});
  return tell(report, given.change, world, console);
}

} // namespace fan::cli
