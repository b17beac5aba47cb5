// fanctl docker: has Docker use a fan's bridge, and takes that back.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/pool.h"
#include "fanctl/change.h"
#include "fanctl/docker/daemon_json.h"
#include "fanctl/docker/forward_rule.h"
#include "fanctl/docker/setup.h"
#include "fanctl/fan_name.h"
#include "fanctl/output/error_text.h"
#include "fanctl/output/json.h"
#include "fanctl/text_file.h"

namespace fan::cli {

namespace {

constexpr const char* default_file = "/etc/docker/daemon.json";
constexpr const char* restart_hint = "Docker reads it when it starts: systemctl restart docker";

struct DockerArguments {
  ChangeArguments change;
  std::vector<std::string> words; // enable, disable or rules; then FAN
  std::vector<std::string> file;
  bool no_iptables = false;
  bool keep_rule = false;
};

void declare(CLI::App& app, DockerArguments& into) {
  app.add_option("words", into.words)->group("");
  app.add_flag("--no-iptables", into.no_iptables, "enable: Docker keeps no rules of its own; fanctl's do");
  app.add_flag("--keep-rule", into.keep_rule, "disable: leave the rule, for containers that run on the fan");
  app.add_option("--file", into.file, "Docker's configuration (default /etc/docker/daemon.json)")
      ->type_name("FILE")
      ->allow_extra_args(false);
  declare_change(app, into.change);
}

// The fan that is named, or the only one.
Result<Fan> chosen_fan(Provider& provider, const std::vector<std::string>& names) {
  Result<Status> found = status(provider);
  if (!found) {
    return std::move(found).error();
  }
  std::vector<Fan> fans = fans_of(*found);
  std::erase_if(fans, [](const Fan& fan) { return fan.spec.reach; }); // it has no bridge
  if (!names.empty()) {
    FanArguments named;
    named.words = names;
    Result<std::vector<Fan>> meant = find_fans(named, fans, provider);
    if (!meant) {
      return std::move(meant).error();
    }
    fans = std::move(meant).value();
  }
  if (fans.size() == 1) {
    return fans.front();
  }
  return fans.empty() ? make_error(ErrorClass::not_found, "no fan with a bridge is up",
                                   "bring it up first: fanctl up OVERLAY UNDERLAY")
                      : host_error("more than one fan is meant", "name its bridge");
}

docker::Settings settings_of(const Fan& fan, const DockerArguments& given) {
  const Pool* pool = find_pool(fan.spec.pools, "docker");
  return {.bridge = fan.bridge,
          .mtu = fan.mtu,
          .slice = fan.slice(),
          .addresses = pool == nullptr ? std::nullopt : network_of(*pool, fan.slice()),
          .iptables = !given.no_iptables};
}

std::optional<std::string> two_servers(const Fan& fan) {
  if (!fan.spec.dhcp || !fan.spec.pools.empty()) {
    return std::nullopt;
  }
  return "DHCP and Docker both hand out addresses of " + fan.slice().str() +
         ", and do not ask each other; give each its own: --pool dhcp=2-99 --pool docker=128-191";
}

// What was done, or would be.
struct Answer {
  std::optional<docker::Record> record; // what Docker is set up for; nothing: for no fan
  std::vector<docker::KeyChange> keys;  // of its configuration
  bool rule = false;                    // is made, or taken back
  std::string text;                     // for people
  std::vector<std::string> notes;
};

Json json_of(const std::optional<std::string>& text) {
  return text ? Json::parse(*text, nullptr, false) : Json(nullptr);
}

Json answer_document(const Answer& answer, const DockerArguments& given) {
  const std::optional<docker::Record>& record = answer.record;
  Json document = document_of("docker");
  document["action"] = given.words.front();
  document["dry_run"] = given.change.dry_run;
  document["bridge"] = record ? Json(record->bridge) : Json(nullptr);
  document["file"] = record ? Json(record->daemon_json) : Json(nullptr);
  document["keys"] = Json::array();
  for (const docker::KeyChange& change : answer.keys) {
    document["keys"].push_back(
        {{"key", change.key}, {"before", json_of(change.before)}, {"after", json_of(change.after)}});
  }
  document["rule"] = answer.rule ? Json(docker::rule_text(record->overlay)) : Json(nullptr);
  document["notes"] = answer.notes;
  return document;
}

std::string changes_text(const docker::Record& record) {
  std::string text;
  for (const docker::KeyChange& change : record.keys) {
    text += fmt::format("{} \"{}\": {}{}\n", change.after ? (change.before ? "~" : "+") : "-", change.key,
                        change.after.value_or(*change.before),
                        change.before && change.after ? " (was " + *change.before + ")" : "");
  }
  return record.rule ? text + "+ " + docker::rule_text(record.overlay) + "\n" : text;
}

Result<docker::Record> record_of(World& world, const Fan& fan, const std::string& path,
                                 const std::optional<std::string>& text, const docker::Merged& merged,
                                 const std::optional<docker::Record>& earlier, const DockerArguments& given) {
  const Prefix overlay = fan.mapping.overlay();
  const bool rule = !given.no_iptables;
  const bool ours = earlier && earlier->added_rule && earlier->overlay == overlay;
  const Result<bool> there = rule && !ours ? docker::has_rule(world, overlay) : Result<bool>(false);
  if (!there) {                                      // a rule that may be another's is not taken for ours
    const Result<void> allowed = world.may_change(); // a dry run has not asked before
    return allowed ? there.error() : allowed.error();
  }
  return docker::Record{.bridge = fan.bridge,
                        .overlay = overlay,
                        .daemon_json = path,
                        .had_daemon_json = earlier ? earlier->had_daemon_json : text.has_value(),
                        .keys = merged.changes,
                        .rule = rule,
                        .added_rule = rule && !*there};
}

// Docker's configuration: that of --file, of the last enable, or Docker's own.
Result<std::string> path_of(const DockerArguments& given, const std::optional<docker::Record>& earlier) {
  if (given.file.empty()) {
    return std::string(earlier ? earlier->daemon_json : default_file);
  }
  if (given.file.front().empty()) {
    return usage_error("--file wants the name of a file");
  }
  // As it is recorded: the next command may be run in another folder.
  std::error_code failed;
  const std::string path = std::filesystem::absolute(given.file.front(), failed).lexically_normal().string();
  if (failed) {
    return host_error(fmt::format("{}: {}", given.file.front(), failed.message()), "name the file by its whole path");
  }
  return path;
}

// A folder is made for Docker's own file only: one that was named, also by a link, and is not there was mistyped, or is
// yet to be mounted.
Result<void> check_folder(const DockerArguments& given, const std::string& path) {
  std::error_code unknown; // why is for whoever reads the file to say
  const bool named = !given.file.empty() || std::filesystem::is_symlink(path, unknown);
  const std::string folder = std::filesystem::path(behind_links(path)).parent_path().string();
  if (named && !folder.empty() &&
      std::filesystem::status(folder, unknown).type() == std::filesystem::file_type::not_found) {
    return host_error(path + ": there is no folder " + folder, "make it first, or name a file in another");
  }
  return {};
}

Result<Answer> enable(const DockerArguments& given, World& world) {
  Result<Provider*> provider = ready(given.change, world);
  if (!provider) {
    return std::move(provider).error();
  }
  Result<Fan> fan = chosen_fan(**provider, std::vector(given.words.begin() + 1, given.words.end()));
  if (!fan) {
    return std::move(fan).error();
  }
  Result<std::optional<docker::Record>> earlier = docker::recorded();
  if (!earlier) {
    return std::move(earlier).error();
  }
  const Result<std::string> path = path_of(given, *earlier);
  if (!path) {
    return path.error();
  }
  if (Result<void> there = check_folder(given, *path); !there) {
    return std::move(there).error();
  }
  if (*earlier && (*earlier)->daemon_json != *path) {
    return host_error(*path + ": " + (*earlier)->daemon_json + " is set up for a fan already",
                      "take that back first: fanctl docker disable");
  }
  Result<std::optional<std::string>> text = read_text_file(*path);
  if (!text) {
    return std::move(text).error();
  }
  Result<docker::Merged> merged = docker::merge(
      text->value_or(""), *earlier ? (*earlier)->keys : std::vector<docker::KeyChange>(), settings_of(*fan, given));
  if (!merged) {
    return docker::in_file(*path, std::move(merged).error());
  }
  const Result<docker::Record> record = record_of(world, *fan, *path, *text, *merged, *earlier, given);
  if (!record) {
    return record.error();
  }
  if (!given.change.dry_run) {
    if (Result<void> done = docker::set_up(world, *record, {*text, merged->text}, *earlier); !done) {
      return std::move(done).error(); // of what was not done nothing is told
    }
  }
  Answer answer{*record, record->keys, record->rule, changes_text(*record), {}};
  if (auto note = two_servers(*fan)) {
    answer.notes.push_back(std::move(*note));
  }
  if (!given.change.dry_run) {
    answer.notes.emplace_back(restart_hint);
  }
  return answer;
}

// What `record` changed, the other way round, but for the keys that stay.
std::vector<docker::KeyChange> inverse(const docker::Record& record, const std::vector<std::string>& kept) {
  std::vector<docker::KeyChange> keys;
  for (const docker::KeyChange& change : record.keys) {
    if (std::find(kept.begin(), kept.end(), change.key) == kept.end()) {
      keys.push_back({change.key, change.after, change.before});
    }
  }
  return keys;
}

Result<Answer> disable(const DockerArguments& given, World& world) {
  if (Result<Provider*> provider = ready(given.change, world); !provider) {
    return std::move(provider).error();
  }
  Result<std::optional<docker::Record>> record = docker::recorded();
  if (!record) {
    return std::move(record).error();
  }
  if (!*record) {
    return Answer();
  }
  if (given.change.dry_run) {
    return Answer{*record,
                  inverse(**record, {}),
                  (*record)->added_rule,
                  fmt::format("takes back {} and what is in {}\n", (*record)->daemon_json, docker::record_path),
                  {}};
  }
  Result<std::vector<std::string>> kept = docker::take_back(world, **record, given.keep_rule);
  if (!kept) {
    return std::move(kept).error();
  }
  Answer answer{*record, inverse(**record, *kept), (*record)->added_rule, "", {}};
  for (const std::string& key : *kept) {
    answer.notes.push_back(fmt::format("\"{}\" in {} was changed since, and stays", key, (*record)->daemon_json));
  }
  answer.notes.emplace_back(restart_hint);
  return answer;
}

// What Docker's service does before it starts: rules do not outlive a boot.
Result<Answer> rules(const DockerArguments& given, World& world) {
  if (Result<Provider*> provider = ready(given.change, world); !provider) {
    return std::move(provider).error();
  }
  Result<std::optional<docker::Record>> record = docker::recorded();
  if (!record) {
    return std::move(record).error();
  }
  const bool rule = *record && (*record)->rule;
  if (rule && !given.change.dry_run) {
    if (Result<void> there = docker::ensure_rule(world, (*record)->overlay); !there) {
      return std::move(there).error();
    }
  }
  return Answer{*record, {}, rule, "", {}};
}

void tell(const Answer& answer, const DockerArguments& given, Console& console) {
  if (given.change.common.json) {
    console.out += text_of(answer_document(answer, given));
    return;
  }
  console.out += answer.text;
  for (const std::string& note : answer.notes) {
    console.err += note_text(note);
  }
}

Result<void> parse(Words arguments, DockerArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed || into.change.common.help) {
    return parsed;
  }
  const std::string verb = into.words.empty() ? "" : into.words.front();
  if (verb != "enable" && verb != "disable" && verb != "rules") {
    return usage_error(verb.empty() ? "says not what to do" : "cannot " + fan::quoted(verb),
                       "enable, disable or rules");
  }
  if (into.words.size() > (verb == "enable" ? 2U : 1U)) {
    return usage_error("does not expect " + fan::quoted(into.words.back()), "fanctl help docker");
  }
  if (into.file.size() > 1 || (verb != "enable" && (!into.file.empty() || into.no_iptables))) {
    return usage_error("--file and --no-iptables go with enable, once", "fanctl help docker");
  }
  if (verb != "disable" && into.keep_rule) {
    return usage_error("--keep-rule goes with disable", "fanctl help docker");
  }
  return {};
}

} // namespace

std::string help_docker() {
  CLI::App app;
  DockerArguments unused;
  declare(app, unused);
  return "usage: fanctl docker enable [FAN] [OPTIONS]\n"
         "       fanctl docker disable [OPTIONS]\n"
         "       fanctl docker rules\n\n"
         "enable   has Docker use the fan's bridge: sets bridge, mtu and, from the pool \"docker\", fixed-cidr in its\n"
         "         daemon.json, where every other key stays, and lets the overlay through DOCKER-USER\n"
         "disable  takes back what enable changed, and no more\n"
         "rules    puts the rule of enable back after a boot; fanctl-docker.service runs it before Docker\n\n"
         "options:\n" +
         options_text(app) +
         "\nFAN      a bridge or an overlay; not needed where there is one fan\nExample: fanctl docker enable\n";
}

ExitStatus run_docker(Words arguments, World& world, Console& console) {
  DockerArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("docker"));
  }
  if (given.change.common.help) {
    console.out += help_docker();
    return ExitStatus::success;
  }
  const std::string& verb = given.words.front();
  const Result<Answer> done = verb == "enable"    ? enable(given, world)
                              : verb == "disable" ? disable(given, world)
                                                  : rules(given, world);
  if (!done) {
    return fail(console, given.change.common.json, Error(done.error()).within("docker " + verb));
  }
  tell(*done, given, console);
  return ExitStatus::success;
}

} // namespace fan::cli
