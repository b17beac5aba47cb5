// fanctl enable and disable: a fan in a file of its own in the configuration, and up or down accordingly.
#include <algorithm>
#include <set>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "config/fan_yaml.h"
#include "core/errors.h"
#include "core/words.h"
#include "engine/host.h"
#include "engine/resolution.h"
#include "fanctl/applying.h"
#include "fanctl/change.h"
#include "fanctl/fan_name.h"
#include "fanctl/safe_file.h"

namespace fan::cli {

namespace {

struct EnableArguments {
  ChangeArguments change;
  FileArguments files; // only --dir
};

void declare(CLI::App& app, EnableArguments& into, FanOptions options) {
  declare_fan(app, into.change.fan, options);
  declare_files(app, into.files, false);
  declare_wait(app, into.change);
  declare_common(app, into.change.common);
}

Result<FanSpec> parse(Words arguments, EnableArguments& into, FanOptions options) {
  CLI::App app;
  declare(app, into, options);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return std::move(parsed).error();
  }
  if (into.change.common.help) {
    return FanSpec();
  }
  if (Result<void> good = check_files(into.files); !good) {
    return std::move(good).error();
  }
  Result<FanSpec> spec = spec_of(into.change.fan);
  if (spec && (spec->off || spec->autostart)) {
    return usage_error("'off' and 'auto' are for lines of a file", "leave them out");
  }
  if (spec && spec->bridge && spec->underlay.kind == UnderlayRef::Kind::network) {
    return usage_error("an underlay that is given as a network may have several bridges, and --bridge names one",
                       "leave --bridge out, or name an address or a device");
  }
  return spec;
}

// "/etc/fanctl/250.0.0.0-8_eth0-16.yaml": one file for each pair, whatever its options.
std::string path_of(const EnableArguments& given, const FanSpec& spec) {
  FanSpec bare;
  bare.overlay = spec.overlay;
  bare.underlay = spec.underlay;
  const std::vector<std::string> words = words_of(bare);
  std::string name = words[0] + "_" + words[1];
  std::replace(name.begin(), name.end(), '/', '-');
  const std::string folder = given.files.directory.empty() ? configuration_directory : given.files.directory.front();
  return fmt::format("{}/{}.yaml", folder, name);
}

Error elsewhere(const FanSpec& other) {
  return host_error(fmt::format("this fan is in {} already", other.origin), "change it there");
}

// The slices that a fan would have on this host; none where it cannot be up, which is nothing to say here.
std::set<Prefix> slices_of(Provider& provider, const FanSpec& spec, const Host& host) {
  std::set<Prefix> slices;
  if (const Result<Resolution> resolution = resolve(provider, spec, host, host.fans)) {
    for (const Fan& fan : resolution->asked) {
      slices.insert(fan.slice());
    }
  }
  return slices;
}

// Of one without, the name is for messages only.
bool has_named_bridge(const FanSpec& spec) {
  return !spec.reach && spec.underlay.kind != UnderlayRef::Kind::network;
}

bool have_one_in_common(const std::set<Prefix>& some, const std::set<Prefix>& others) {
  return std::any_of(some.begin(), some.end(), [&](const Prefix& one) { return others.count(one) != 0; });
}

// The fan must not be in another file, in whatever notation, which `apply` would take for an error of one of them.
Result<void> check_other_files(const EnableArguments& given, const FanSpec& spec, const std::string& path,
                               Provider& provider, const Host& host, World& world) {
  if (!given.files.directory.empty() && access(given.files.directory.front().c_str(), F_OK) != 0) {
    return {}; // it is made when the file is written
  }
  Result<ReadConfiguration> read = read_configuration_files(given.files.source(), world.devices());
  if (!read) {
    return std::move(read).error();
  }
  const std::set<Prefix> slices = slices_of(provider, spec, host);
  for (const WantedFan& fan : read->configuration.wanted) {
    if (fan.spec.off || fan.spec.origin == origin_of(path)) {
      continue;
    }
    if (same_request(fan.spec, spec) || have_one_in_common(slices, slices_of(provider, fan.spec, host))) {
      return elsewhere(fan.spec);
    }
    if (has_named_bridge(spec) && fan.spec.bridge == name_for(spec)) {
      return host_error(fmt::format("{} is the name of another fan in {}", *fan.spec.bridge, fan.spec.origin),
                        "name another with --bridge");
    }
  }
  return {};
}

// The fan that is up as this one, from its file or by hand, keeps its bridge, and what is attached to it.
FanSpec with_bridge_there(const FanSpec& spec, const std::string& path, const Host& host) {
  std::vector<Fan> same = host.fans;
  std::erase_if(same, [&](const Fan& fan) {
    const bool of_another_file = fan.spec.autostart && fan.spec.origin != origin_of(path);
    return of_another_file || fan.spec.reach || !same_request(fan.spec, spec);
  });
  FanSpec named = spec;
  if (has_named_bridge(spec) && !spec.bridge && same.size() == 1) {
    named.bridge = same.front().bridge;
  }
  return named;
}

// What `path` says now becomes so, and nothing else.
Result<Applying> apply_file(Provider& provider, const std::string& path, const char* command, bool there,
                            World& world) {
  ReadConfiguration read;
  read.configuration.files = {origin_of(path)};
  read.configuration.everything = false;
  if (there) {
    Result<ReadConfiguration> found = read_configuration_files({{path}, ""}, world.devices());
    if (!found) {
      return std::move(found).error();
    }
    read = std::move(found).value();
  }
  read.configuration.adopts = true; // who names the fan means it, also where it was brought up by hand
  return apply_read(std::move(read), provider, command, false);
}

bool went_well(const Result<Applying>& done) {
  return done && done->report.errors.empty();
}

// What failed, and with it what could not be taken back. The text in which it failed is no longer there to be looked
// at.
Result<Applying> undone(const Result<Applying>& failed, const Result<void>& back) {
  Error error = failed ? failed->report.errors.front() : failed.error();
  if (back) {
    error.place.reset();
    return error;
  }
  error.kind = ErrorClass::partial;
  error.message += "\n  undo failed: " + back.error().message;
  return error;
}

// The file as it was before.
Result<void> put_back(const std::string& path, const std::optional<std::string>& text) {
  return text ? write_ours(path, *text) : remove_ours(path);
}

Result<Applying> enable(const EnableArguments& given, const FanSpec& spec, World& world) {
  const std::string path = path_of(given, spec);
  if (origin_of(path).empty()) {
    return no_origin(path); // before a folder is made for it
  }
  Result<Provider*> provider = ready(given.change, world); // with the lock, as the file is changed too
  if (!provider) {
    return std::move(provider).error();
  }
  if (Result<void> recovered = recover_set_aside(path); !recovered) {
    return std::move(recovered).error();
  }
  Result<std::optional<std::string>> before = read_ours(path);
  if (!before) {
    return std::move(before).error();
  }
  const Result<Host> host = look(**provider);
  if (!host) {
    return host.error();
  }
  const FanSpec wanted = with_bridge_there(spec, path, *host);
  if (Result<void> free = check_other_files(given, wanted, path, **provider, *host, world); !free) {
    return std::move(free).error();
  }
  const NamedSpec named{name_for(wanted), wanted, ""};
  if (Result<void> written = write_ours(path, yaml_of({&named, 1})); !written) {
    return std::move(written).error();
  }
  Result<Applying> done = apply_file(**provider, path, "enable", true, world);
  return went_well(done) ? std::move(done) : undone(done, put_back(path, *before));
}

Result<Applying> disable(const EnableArguments& given, const FanSpec& spec, World& world) {
  const std::string path = path_of(given, spec);
  Result<Provider*> provider = ready(given.change, world);
  if (!provider) {
    return std::move(provider).error();
  }
  if (Result<void> recovered = recover_set_aside(path); !recovered) {
    return std::move(recovered).error();
  }
  Result<std::optional<std::string>> before = read_ours(path);
  if (!before || !*before) {
    return before ? make_error(ErrorClass::not_found, "this fan is not enabled: there is no " + path,
                               "a fan that is up all the same goes down with `fanctl down`")
                  : std::move(before).error();
  }
  if (Result<void> gone = set_aside(path); !gone) { // before the fan goes: where this cannot be, nothing is done
    return std::move(gone).error();
  }
  Result<Applying> done = apply_file(**provider, path, "disable", false, world);
  if (!went_well(done)) {
    return undone(done, bring_back(path));
  }
  Result<void> removed = remove_set_aside(path);
  return removed ? std::move(done) : Result<Applying>(std::move(removed).error());
}

ExitStatus say(Result<Applying> done, const EnableArguments& given, const World& world, Console& console) {
  const bool failed = done && !done->report.errors.empty();
  if (!done || failed) {
    return fail(console, given.change.common.json, failed ? done->report.errors.front() : done.error());
  }
  return tell(done->report, given.change, world, console);
}

using Work = Result<Applying> (*)(const EnableArguments&, const FanSpec&, World&);

ExitStatus run_either(const char* name, std::string (*help)(), FanOptions options, Work work, Words arguments,
                      World& world, Console& console) {
  EnableArguments given;
  Result<FanSpec> spec = parse(arguments, given, options);
  if (!spec) {
    return fail(console, wants_json(arguments), std::move(spec).error().within(name));
  }
  if (given.change.common.help) {
    console.out += help();
    return ExitStatus::success;
  }
  Result<Applying> done = work(given, *spec, world);
  return say(done ? std::move(done) : Result<Applying>(std::move(done).error().within(name)), given, world, console);
}

} // namespace

std::string help_enable() {
  CLI::App app;
  EnableArguments unused;
  declare(app, unused, FanOptions::all);
  return "usage: fanctl enable -o OVERLAY -u UNDERLAY [WORDS] [OPTIONS]\n\n"
         "Writes the fan into a file of its own in /etc/fanctl, from where it comes up at boot, and brings it up. The "
         "bridge is\n"
         "called after the overlay, as fan-250, where no --bridge is given. On a fan that is enabled it changes what "
         "differs;\n"
         "one that was brought up by hand as this one comes from the file from now on. Either keeps its bridge.\n"
         "When it cannot come up, the file is as it was before.\n\n"
         "options:\n" +
         options_text(app) + "\nExample: fanctl enable -o 250.0.0.0/8 -u eth0/16 --dhcp\n";
}

std::string help_disable() {
  CLI::App app;
  EnableArguments unused;
  declare(app, unused, FanOptions::none);
  return "usage: fanctl disable -o OVERLAY -u UNDERLAY [OPTIONS]\n\n"
         "Takes a fan down that `fanctl enable` brought up, and removes its file. Does neither while ports are "
         "attached.\n\n"
         "options:\n" +
         options_text(app) + "\nExample: fanctl disable -o 250.0.0.0/8 -u eth0/16\n";
}

ExitStatus run_enable(Words arguments, World& world, Console& console) {
  return run_either("enable", help_enable, FanOptions::all, enable, arguments, world, console);
}

ExitStatus run_disable(Words arguments, World& world, Console& console) {
  return run_either("disable", help_disable, FanOptions::none, disable, arguments, world, console);
}

} // namespace fan::cli
