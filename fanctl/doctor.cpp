// fanctl doctor: looks for what keeps a fan's packets from arriving. Looks only, as far as it is let.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "engine/host.h"
#include "fanctl/commands.h"
#include "fanctl/doctor_evidence.h"
#include "fanctl/doctor_peers.h"
#include "fanctl/fan_name.h"
#include "fanctl/output/diagnosis.h"

namespace fan::cli {

namespace {

struct DoctorArguments {
  CommonArguments common;
  FanArguments fan;
  std::vector<std::string> peers;
};

void declare(CLI::App& app, DoctorArguments& into) {
  declare_fan(app, into.fan, FanOptions::none);
  app.add_option("--peer", into.peers, "and what is wrong between here and this other host, of underlay or overlay")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  declare_common(app, into.common);
}

Result<void> select(std::vector<FanStatus>& fans, const std::vector<Fan>& all, const FanArguments& given,
                    Provider& provider) {
  if (given.empty()) {
    return {};
  }
  Result<std::vector<Fan>> meant = find_fans(given, all, provider);
  if (!meant) {
    return std::move(meant).error();
  }
  std::erase_if(fans,
                [&](const FanStatus& one) { return std::find(meant->begin(), meant->end(), one.fan) == meant->end(); });
  return {};
}

Result<doctor::Findings> examine(const DoctorArguments& given, World& world) {
  Result<Provider*> provider = world.provider();
  if (!provider) {
    return std::move(provider).error();
  }
  Result<Status> found = status(**provider);
  if (!found) {
    return std::move(found).error();
  }
  Result<Facts> facts = (*provider)->facts();
  if (!facts) {
    return std::move(facts).error();
  }
  const std::vector<Fan> all = fans_of(*found);
  if (Result<void> selected = select(found->fans, all, given.fan, **provider); !selected) {
    return std::move(selected).error();
  }
  std::vector<Fan> meant;
  for (const FanStatus& one : found->fans) {
    meant.push_back(one.fan);
  }
  doctor::Findings findings = doctor::examine({.facts = std::move(*facts),
                                               .fans = std::move(found->fans),
                                               .all = all,
                                               .complete = found->complete,
                                               .unreadable = std::move(found->unreadable),
                                               .filters = (*provider)->filters(),
                                               .docker = docker_settings(world, all),
                                               .refusals = refusals(world),
                                               .provider = **provider,
                                               .source = world.doctor_source()});
  const Result<void> peers = given.peers.empty() ? Result<void>() : examine_peers(given.peers, meant, world, findings);
  return peers ? Result<doctor::Findings>(std::move(findings)) : peers.error();
}

ExitStatus verdict(const doctor::Findings& findings) {
  if (findings.found().empty()) {
    return ExitStatus::success;
  }
  switch (findings.worst()) {
  case doctor::Severity::note:
    return ExitStatus::success;
  case doctor::Severity::warning:
    return ExitStatus::warnings;
  case doctor::Severity::problem:
    return ExitStatus::problems;
  }
  return ExitStatus::problems;
}

} // namespace

std::string help_doctor() {
  CLI::App app;
  DoctorArguments unused;
  declare(app, unused);
  return "usage: fanctl doctor [FAN] [--peer ADDRESS] [--json] [-v]\n\n"
         "Looks for what keeps a fan's packets from arriving: in the fan itself, in other firewalls, in the underlay, "
         "in\n"
         "what else runs on this host. Says what was seen, what comes of it, and the line that helps. Changes nothing, "
         "and\n"
         "prints nothing when all is well; -v adds notes, what was looked at, and what could not be.\n\n"
         "options:\n" +
         options_text(app) +
         "\nFAN is a bridge, an overlay, a slice, or OVERLAY UNDERLAY; without it all fans, and the host.\n"
         "--peer may be repeated. It sends echo requests and a few packets by hand to that host, and needs root.\n"
         "Exit status: 0 nothing but notes, 13 warnings, 14 problems\n"
         "Needs no root, and sees more with it.\n";
}

ExitStatus run_doctor(Words arguments, World& world, Console& console) {
  DoctorArguments given;
  CLI::App app;
  declare(app, given);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("doctor"));
  }
  if (given.common.help) {
    console.out += help_doctor();
    return ExitStatus::success;
  }
  Result<doctor::Findings> findings = examine(given, world);
  if (!findings) {
    return fail(console, given.common.json, std::move(findings).error().within("doctor"));
  }
  console.out +=
      given.common.json ? text_of(diagnosis_json(*findings)) : diagnosis_text(*findings, given.common.verbose);
  return verdict(*findings);
}

} // namespace fan::cli
