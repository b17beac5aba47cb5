// fanctl explain: arithmetic. With a mapping on the command line it asks nobody; without one it takes the fans of this
// host.
#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "core/explain.h"
#include "core/resolve.h"
#include "core/words.h"
#include "engine/requests.h"
#include "fanctl/commands.h"
#include "fanctl/fan_name.h"
#include "fanctl/output/explanation.h"

namespace fan::cli {

namespace {

struct ExplainArguments {
  CommonArguments common;
  FanArguments fan; // its first word is the address
};

void declare(CLI::App& app, ExplainArguments& into) {
  declare_fan(app, into.fan, FanOptions::header);
  declare_common(app, into.common);
}

// The first address of the underlay that can be a host's; of a device, whichever the device has on this machine.
Result<KnownMapping> known_of(const FanSpec& spec, World& world) {
  if (spec.underlay.kind == UnderlayRef::Kind::network) {
    return known_from(spec, spec.underlay.network.network());
  }
  if (spec.underlay.kind == UnderlayRef::Kind::address) {
    Result<KnownMapping> known = known_from(spec, spec.underlay.address);
    if (known) {
      known->own_hosts = {spec.underlay.address};
    }
    return known;
  }
  Result<Provider*> provider = world.provider();
  if (!provider) {
    return std::move(provider).error();
  }
  Result<Facts> facts = (*provider)->facts();
  if (!facts) {
    return std::move(facts).error();
  }
  Result<std::vector<Candidate>> hosts = candidates(spec, *facts);
  if (!hosts) {
    return std::move(hosts).error();
  }
  Result<KnownMapping> known = known_from(spec, hosts->front().host);
  if (known) {
    known->own_hosts = {hosts->front().host};
  }
  return known;
}

// `given` names some of the fans of this host, or is empty for all of them.
Result<std::vector<KnownMapping>> mappings_of_host(const FanArguments& given, World& world) {
  Result<Provider*> provider = world.provider();
  if (!provider) {
    return std::move(provider).error();
  }
  Result<Status> found = status(**provider);
  if (!found) {
    return std::move(found).error();
  }
  if (found->fans.empty() && given.empty()) {
    return host_error("no fan is up on this host, so no mapping is known",
                      "name one: fanctl explain ADDRESS -o OVERLAY -u UNDERLAY");
  }
  const std::vector<Fan> fans = fans_of(*found);
  if (!given.empty()) {
    Result<std::vector<Fan>> meant = find_fans(given, fans, **provider);
    return meant ? Result<std::vector<KnownMapping>>(known_from(*meant)) : std::move(meant).error();
  }
  return known_from(fans);
}

Result<std::vector<KnownMapping>> mappings_of(FanArguments given, World& world) {
  given.words.erase(given.words.begin());
  const bool by_name =
      given.words.size() == 1 && given.overlay.empty() && given.underlay.empty() && !given.has_options();
  if (given.empty() || by_name) {
    return mappings_of_host(given, world);
  }
  Result<FanSpec> spec = spec_of(given);
  if (!spec) {
    return std::move(spec).error();
  }
  Result<KnownMapping> known = known_of(*spec, world);
  if (!known) {
    return std::move(known).error();
  }
  return std::vector<KnownMapping>{std::move(known).value()};
}

Result<std::vector<Explanation>> explain_it(const ExplainArguments& given, World& world) {
  if (given.fan.words.empty()) {
    return usage_error("the address is missing", "fanctl explain ADDRESS [-o OVERLAY -u UNDERLAY]");
  }
  Result<Address> address = Address::parse(given.fan.words.front());
  if (!address) {
    return std::move(address).error();
  }
  Result<std::vector<KnownMapping>> known = mappings_of(given.fan, world);
  if (!known) {
    return std::move(known).error();
  }
  return explain(*address, *known);
}

} // namespace

std::string help_explain() {
  CLI::App app;
  ExplainArguments unused;
  declare(app, unused);
  return "usage: fanctl explain ADDRESS [FAN | -o OVERLAY -u UNDERLAY] [OPTIONS]\n\n"
         "Says which host owns an address of the overlay, or which slice a host of the underlay has, what the address "
         "is for, and\n"
         "what the outer header of a packet to it is, or why there is none. Without -o and -u the fans of this host "
         "are taken,\nor of them FAN: a bridge, an overlay or a slice.\n"
         "With -u ADDRESS/LENGTH it answers as that host would. Needs no root, and with -o and -u no fan.\n\n"
         "options:\n" +
         options_text(app) + "\nExample: fanctl explain 250.0.28.15 -o 250 -u 172.30.0.0/16\n";
}

ExitStatus run_explain(Words arguments, World& world, Console& console) {
  ExplainArguments given;
  CLI::App app;
  declare(app, given);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("explain"));
  }
  if (given.common.help) {
    console.out += help_explain();
    return ExitStatus::success;
  }
  Result<std::vector<Explanation>> answers = explain_it(given, world);
  if (!answers) {
    return fail(console, given.common.json, std::move(answers).error().within("explain"));
  }
  console.out += given.common.json ? explanation_document(*answers) : explanation_text(*answers);
  return ExitStatus::success;
}

} // namespace fan::cli
