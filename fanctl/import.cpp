// fanctl import: what ubuntu-fan and LXD have configured, as a configuration of ours.
#include <algorithm>
#include <set>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "config/fan_yaml.h"
#include "config/legacy_file.h"
#include "config/lxd_network.h"
#include "core/errors.h"
#include "core/words.h"
#include "fanctl/commands.h"
#include "fanctl/configuration.h"
#include "fanctl/configuration_files.h"
#include "fanctl/output/error_text.h"
#include "fanctl/output/json.h"
#include "fanctl/safe_file.h"

namespace fan::cli {

namespace {

constexpr const char* default_files[] = {default_configuration, "/etc/default/ubuntu-fan"};
constexpr const char* written_name = "imported.yaml";

struct ImportArguments {
  CommonArguments common;
  std::vector<std::string> files;
  std::vector<std::string> directory;
  bool write = false;
};

struct Imported {
  std::vector<NamedSpec> fans;
  std::vector<std::string> notes;
  std::vector<Error> errors;
};

void declare(CLI::App& app, ImportArguments& into) {
  app.add_option("files", into.files)->group("");
  app.add_flag("--write", into.write, "write /etc/fanctl/imported.yaml instead of standard output");
  app.add_option("--dir", into.directory, "with --write: the directory to write to")
      ->type_name("DIRECTORY")
      ->allow_extra_args(false);
  declare_common(app, into.common);
}

Result<void> parse(Words arguments, ImportArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return parsed;
  }
  if (!into.directory.empty() && (!into.write || into.directory.size() > 1)) {
    return usage_error(into.write ? "--dir is given more than once" : "--dir goes with --write");
  }
  return {};
}

// "NAME=value": settings of ubuntu-fan's scripts, which nothing here has.
bool is_setting(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  const std::size_t equals = line.find('=');
  return begin != std::string_view::npos && equals != std::string_view::npos &&
         line.substr(begin, equals - begin).find_first_of(" \t#") == std::string_view::npos;
}

// Settings are blanked out, so that the lines keep their numbers.
std::string without_settings(const std::string& text, const std::string& file, Imported& into) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (is_setting(line)) {
      into.notes.push_back(fmt::format("{}: {} has no meaning here and is left out", file, fan::quoted(line)));
    }
    out += (is_setting(line) ? "" : line) + "\n";
    begin = end + 1;
  }
  return out;
}

// As `apply` would refuse the second one. A line that says the same again changes nothing.
bool is_there(const LegacyLine& line, Imported& into) {
  const auto first = std::find_if(into.fans.begin(), into.fans.end(), [&](const NamedSpec& fan) {
    return !fan.spec.off && !line.spec->off && same_request(fan.spec, *line.spec);
  });
  if (first == into.fans.end()) {
    return false;
  }
  FanSpec spec = first->spec;
  spec.overlay_text = line.spec->overlay_text;
  spec.underlay_text = line.spec->underlay_text;
  if (spec == *line.spec) {
    into.notes.push_back(fmt::format("{}, line {}: says what is said before ({}), and is left out", line.place.file,
                                     line.place.line, first->comment));
    return true;
  }
  Error error = usage_error(fmt::format("this fan is said before, with other options: {}", first->comment),
                            "keep one of the two lines");
  error.place = line.place;
  into.errors.push_back(std::move(error));
  return true;
}

// What a network is called is for messages only: it may mean several bridges.
void note_bridge(const LegacyLine& line, Imported& into) {
  if (line.spec->bridge && line.spec->underlay.kind == UnderlayRef::Kind::network) {
    into.notes.push_back(
        fmt::format("{}, line {}: bridge {} is left out, as an underlay that is given as a network may "
                    "have several",
                    line.place.file, line.place.line, fan::quoted(*line.spec->bridge)));
  }
}

void import_legacy(const std::string& text, const std::string& file, Imported& into) {
  Result<std::vector<LegacyLine>> lines = parse_legacy(without_settings(text, file, into), file);
  if (!lines) {
    into.errors.push_back(std::move(lines).error());
    return;
  }
  for (LegacyLine& line : *lines) {
    if (line.spec && is_there(line, into)) {
      continue;
    }
    if (line.spec) {
      note_bridge(line, into);
      into.fans.push_back({name_for(*line.spec), std::move(line.spec).value(),
                           fmt::format("{}, line {}", line.place.file, line.place.line)});
    } else {
      into.errors.push_back(std::move(line.spec).error());
    }
  }
}

void import_text(const std::string& text, const std::string& file, Imported& into) {
  if (!is_lxd_network(text)) {
    import_legacy(text, file, into);
    return;
  }
  Result<LxdNetwork> network = parse_lxd_network(text, file);
  if (network) {
    into.fans.push_back(std::move(network->fan));
    into.notes.insert(into.notes.end(), network->notes.begin(), network->notes.end());
  } else {
    into.errors.push_back(std::move(network).error());
  }
}

// Two fans of one overlay are told apart by a number.
void make_names_unique(std::vector<NamedSpec>& fans) {
  std::set<std::string> seen;
  for (NamedSpec& fan : fans) {
    const std::string name = fan.name;
    for (int n = 2; !fan.spec.off && !seen.insert(fan.name).second; ++n) {
      fan.name = fmt::format("{}-{}", name.substr(0, 12), n);
    }
  }
}

Result<Imported> import_all(const ImportArguments& given) {
  std::vector<std::string> files = given.files;
  if (files.empty()) {
    std::copy_if(std::begin(default_files), std::end(default_files), std::back_inserter(files),
                 [](const char* file) { return access(file, F_OK) == 0; });
  }
  if (files.empty()) {
    return host_error("there is nothing to import: neither /etc/network/fan nor /etc/default/ubuntu-fan is there",
                      "for LXD: lxc network show NAME | fanctl import -");
  }
  Imported imported;
  for (const std::string& file : files) {
    Result<std::string> text = read_whole(file);
    if (!text) {
      return std::move(text).error();
    }
    import_text(*text, file == "-" ? "standard input" : file, imported);
  }
  make_names_unique(imported.fans);
  return imported;
}

// All or nothing: a fan that was left out would be missed by nobody once the old file is gone.
Result<void> write(const ImportArguments& given, const std::string& text, Imported& imported) {
  const std::string folder = given.directory.empty() ? configuration_directory : given.directory.front();
  const std::string path = folder + "/" + written_name;
  if (!imported.errors.empty()) {
    imported.notes.push_back(path + " is not written: mend what is wrong first, or take it out");
    return {};
  }
  if (origin_of(path).empty()) {
    return no_origin(path);
  }
  if (Result<void> written = write_ours(path, text); !written) {
    return written;
  }
  imported.notes.push_back(
      fmt::format("{} is written. `fanctl show --diff {}` says what it would change, `fanctl apply` does it; move "
                  "/etc/network/fan away first, as a fan may be in one file only",
                  path, path));
  return {};
}

ExitStatus say(const Imported& imported, const std::string& text, const ImportArguments& given, Console& console) {
  if (given.common.json) {
    Json document = document_of("import");
    document["yaml"] = text;
    document["notes"] = imported.notes;
    document["errors"] = Json::array();
    for (const Error& error : imported.errors) {
      document["errors"].push_back(to_json(error));
    }
    console.out += text_of(document);
  } else {
    console.out += given.write ? "" : text;
    for (const std::string& note : imported.notes) {
      console.err += note_text(note);
    }
    for (const Error& error : imported.errors) {
      console.err += error_text(error);
    }
  }
  return imported.errors.empty() ? ExitStatus::success : ExitStatus::partial;
}

} // namespace

std::string help_import() {
  CLI::App app;
  ImportArguments unused;
  declare(app, unused);
  return "usage: fanctl import [FILE...] [--write] [OPTIONS]\n\n"
         "Prints what ubuntu-fan has configured, /etc/network/fan and /etc/default/ubuntu-fan, as fanctl.yaml(5). FILE "
         "may be\n"
         "such a file, what `lxc network show NAME` prints, or - for standard input. Changes nothing on the host.\n\n"
         "options:\n" +
         options_text(app) + "\nExample: lxc network show lxdfan0 | fanctl import -\n";
}

ExitStatus run_import(Words arguments, World& /*world*/, Console& console) {
  ImportArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("import"));
  }
  if (given.common.help) {
    console.out += help_import();
    return ExitStatus::success;
  }
  Result<Imported> imported = import_all(given);
  if (!imported) {
    return fail(console, given.common.json, std::move(imported).error().within("import"));
  }
  const std::string text = yaml_of(imported->fans);
  if (given.write) {
    if (Result<void> written = write(given, text, *imported); !written) {
      return fail(console, given.common.json, std::move(written).error().within("import"));
    }
  }
  return say(*imported, text, given, console);
}

} // namespace fan::cli
