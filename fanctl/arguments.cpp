#include "fanctl/arguments.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/errors.h"
#include "core/number.h"
#include "core/suggest.h"

namespace fan::cli {

namespace {

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

Error unexpected(const CLI::App& app, const std::string& option) {
  if (!option.starts_with("-")) {
    return usage_error(fan::quoted(option) + " is one word too many", "see fanctl help");
  }
  const std::string name = option.substr(0, option.find('='));
  const std::optional<std::string> near = nearest(name, option_names(app));
  return usage_error("unknown option " + fan::quoted(name), near ? "did you mean " + *near + "?" : "see fanctl help");
}

// CLI11 takes the next word as the value of "--mtu="; that is never what was meant.
const std::string* option_with_empty_value(Words arguments) {
  for (const std::string& argument : arguments) {
    if (argument.size() > 3 && argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      return &argument;
    }
  }
  return nullptr;
}

// CLI11 takes "--dhcp=1x" for --dhcp, and "--dhcp=2" for two of them; its versions differ in what they refuse.
std::string flag_with_value(const CLI::App& app, Words arguments) {
  for (const std::string& argument : arguments) {
    const std::size_t end = argument.find('=');
    if (argument.starts_with("--") && end != std::string::npos) {
      const CLI::Option* option = app.get_option_no_throw(argument.substr(0, end));
      if (option != nullptr && option->get_items_expected_max() == 0) {
        return argument.substr(0, end);
      }
    }
  }
  return {};
}

} // namespace

void declare_common(CLI::App& app, CommonArguments& into) {
  app.set_help_flag(); // CLI11's own would take the name
  app.add_flag("--json", into.json, "one JSON document on standard output, errors included");
  app.add_flag("-v,--verbose", into.verbose, "say more");
  app.add_flag("-h,--help", into.help, "this text");
}

Result<void> parse_arguments(CLI::App& app, Words arguments) {
  if (const std::string* empty = option_with_empty_value(arguments)) {
    return usage_error(empty->substr(0, empty->size() - 1) + " wants a value, and has an empty one");
  }
  if (const std::string flag = flag_with_value(app, arguments); !flag.empty()) {
    return usage_error(flag + " takes no value", "give it alone");
  }
  app.allow_extras();
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ArgumentMismatch& mismatch) {
    const std::string text = mismatch.what();
    return usage_error(text.substr(0, text.find(':')) + " wants a value", "see fanctl help");
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what(), "see fanctl help");
  }
  for (const std::string& left : app.remaining()) {
    if (left != "--") {
      return unexpected(app, left);
    }
  }
  return {};
}

Result<std::chrono::milliseconds> parse_wait(std::string_view text) {
  const std::optional<std::uint32_t> seconds = parse_number(text, 24 * 60 * 60);
  if (!seconds) {
    return usage_error("--wait " + fan::quoted(text) + ": not a number of seconds",
                       "0 does not wait; 86400 is the most");
  }
  return std::chrono::milliseconds(std::chrono::seconds(*seconds));
}

bool wants_json(Words arguments) {
  return std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
}

std::string options_text(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) {
      continue;
    }
    std::string name = option->get_snames().empty() ? "    " : "-" + option->get_snames().front() + ", ";
    name += "--" + option->get_lnames().front();
    if (option->get_items_expected_max() > 0) {
      name += " " + option->get_type_name();
    }
    out += name.size() > 26 ? fmt::format("  {}\n  {:26}  {}\n", name, "", option->get_description())
                            : fmt::format("  {:26}  {}\n", name, option->get_description());
  }
  return out;
}

} // namespace fan::cli
