#include "fanctl/commands.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/suggest.h"
#include "fanctl/output/error_text.h"
#include "fanctl/output/json.h"
#include "fanctl/version.h"

namespace fan::cli {

namespace {

constexpr std::array table{
    Command{"up", "bring a fan up, change it, or repair it", help_up, run_up},
    Command{"down", "take a fan down and leave what was there before", help_down, run_down},
    Command{"apply", "make this host have the fans of its configuration", help_apply, run_apply},
    Command{"try", "apply, and back again unless it is confirmed", help_try, run_try},
    Command{"enable", "write a fan into the configuration and bring it up", help_enable, run_enable},
    Command{"disable", "take such a fan down and out of the configuration", help_disable, run_disable},
    Command{"import", "the fans of ubuntu-fan and LXD as a configuration", help_import, run_import},
    Command{"show", "list the fans of this host, and how they are", help_show, run_show},
    Command{"explain", "which host owns an address, and what its packets look like", help_explain, run_explain},
    Command{"doctor", "what keeps packets from arriving, and the line that helps", help_doctor, run_doctor},
    Command{"endpoint", "who is behind which port of a fan's bridge", help_endpoint, run_endpoint},
    Command{"broadcast", "who may send broadcasts on a fan's bridge, and who receives them", help_broadcast,
            run_broadcast},
    Command{"trace", "what this host would do with a packet, hop by hop", help_trace, run_trace},
    Command{"metrics", "what the fans count, for Prometheus", help_metrics, run_metrics},
    Command{"docker", "have Docker use a fan's bridge, and take that back", help_docker, run_docker},
};

std::string help_fanctl() {
  std::string out =
      "usage: fanctl COMMAND [ARGUMENTS]\n\n"
      "A block of container addresses for every host of a network, computed from the host's own address.\n\n"
      "commands:\n";
  for (const Command& command : table) {
    out += fmt::format("  {:10}{}\n", command.name, command.summary);
  }
  return out + "  help      this text, or that of a command: fanctl help up\n\n"
               "options:\n"
               "  -h, --help      this text\n"
               "  --version       the version\n\n"
               "Example: fanctl up 250.0.0.0/8 eth0/16 dhcp\n"
               "The manual is fanctl(8).\n";
}

const Command* find_command(std::string_view name) {
  const auto* found = std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.name == name; });
  return found == table.end() ? nullptr : found;
}

Error unknown_command(const std::string& name) {
  std::vector<std::string> names{"help"};
  for (const Command& command : table) {
    names.emplace_back(command.name);
  }
  const std::optional<std::string> near = nearest(name, names);
  const std::string what = name.starts_with("-") ? "unknown option " : "unknown command ";
  return usage_error(what + fan::quoted(name), near ? "did you mean '" + *near + "'?"
                                                    : fmt::format("the commands are {}", fmt::join(names, ", ")));
}

ExitStatus run_help(Words arguments, Console& console) {
  if (arguments.empty() || arguments.front().starts_with("-") || arguments.front() == "help") {
    console.out += help_fanctl();
    return ExitStatus::success;
  }
  const Command* command = find_command(arguments.front());
  if (command == nullptr) {
    return fail(console, wants_json(arguments), unknown_command(arguments.front()));
  }
  console.out += command->help();
  return ExitStatus::success;
}

// Options may stand before the command too: `fanctl --json show` is `fanctl show --json`.
std::vector<std::string> command_first(Words arguments) {
  std::vector<std::string> words(arguments.begin(), arguments.end());
  const auto is_common = [](const std::string& word) {
    return word == "--json" || word == "-v" || word == "--verbose";
  };
  const auto name = std::find_if_not(words.begin(), words.end(), is_common);
  if (name != words.end()) {
    std::rotate(words.begin(), name, name + 1);
  }
  return words;
}

} // namespace

std::span<const Command> commands() {
  return table;
}

ExitStatus fail(Console& console, bool json, const Error& error) {
  (json ? console.out : console.err) += json ? error_document(error) : error_text(error);
  return status_of(error.kind);
}

ExitStatus run(Words arguments, World& world, Console& console) {
  const std::vector<std::string> words = command_first(arguments);
  if (words.empty()) {
    console.err += help_fanctl();
    return ExitStatus::usage;
  }
  const std::string& name = words.front();
  const Words rest = Words(words).subspan(1);
  if (name == "help" || name == "-h" || name == "--help") {
    return run_help(rest, console);
  }
  if (name == "--version" && !rest.empty() && !rest.front().starts_with("-")) {
    return fail(console, wants_json(words),
                usage_error(fan::quoted(rest.front()) + " is one word too many").within(name));
  }
  if (name == "--version") {
    console.out += std::string("fanctl ") + version + "\n";
    return ExitStatus::success;
  }
  const Command* command = find_command(name);
  return command == nullptr ? fail(console, wants_json(words), unknown_command(name))
                            : command->run(rest, world, console);
}

} // namespace fan::cli
