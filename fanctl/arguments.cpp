#include "fanctl/arguments.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/errors.h"
#include "core/number.h"
#include "core/suggest.h"

namespace fan::cli {

namespace {

constexpr std::array all_word_options{
    WordOption{"type", "ipip|vxlan", "encapsulation: vxlan with -u/-o, ipip with bare words"},
    WordOption{"vni", "N", "VXLAN network identifier (default: overlay >> 8, exclusive or 1)"},
    WordOption{"port", "N", "UDP port of vxlan (default 8472)"},
    WordOption{"mtu", "BYTES", "MTU of the fan bridge (default: what the underlay leaves)"},
    WordOption{"no-nat", nullptr, "do not translate what leaves the overlay"},
    WordOption{"host-reserve", "N", "the host holds the first N addresses of its slice (default 1)"},
    WordOption{"bridge", "NAME", "name of the fan bridge (default: fan- and the slice)"},
    WordOption{"dhcp", nullptr, "serve addresses on the bridge with dnsmasq"},
    WordOption{"expose", "PREFIX|all", "let outside hosts open connections to this part of the slice; may be repeated"},
    WordOption{"ttl-security", "HOPS", "refuse tunnel packets from further away (RFC 5082)"},
    WordOption{"accept", "LIST", "receive these encapsulations too, e.g. ipip,vxlan"},
    WordOption{"strict", nullptr, "refuse tunnels inside the tunnel for every endpoint"},
};

// Words that a value follows: the value is no word itself.
bool takes_value(const std::string& word) {
  return std::any_of(all_word_options.begin(), all_word_options.end(),
                     [&](const WordOption& o) { return word == o.name && o.argument != nullptr; });
}

bool is_among(const std::vector<std::string>& words, const std::string& wanted) {
  for (std::size_t i = 0; i < words.size(); i += takes_value(words[i]) ? 2 : 1) {
    if (words[i] == wanted) {
      return true;
    }
  }
  return false;
}

Result<std::string> only_one(const std::vector<std::string>& values, const std::string& option) {
  if (values.empty()) {
    return usage_error(option + " is missing", "name both networks: -o OVERLAY -u UNDERLAY");
  }
  if (values.size() > 1) {
    return usage_error(option + " is given " + std::to_string(values.size()) + " times", "give it once");
  }
  return values.front();
}

Error twice(const std::string& name) {
  return usage_error(fmt::format("'{}' is given as a word and as --{}", name, name), "give it once");
}

// Appends the options as words. `bare`: the words that came without dashes, apart from overlay and underlay.
Result<void> append_options(const FanArguments& given, const std::vector<std::string>& bare,
                            std::vector<std::string>& words) {
  for (const WordOption& option : all_word_options) {
    const auto values = given.options.find(option.name);
    const auto flag = given.flags.find(option.name);
    const bool has_values = values != given.options.end() && !values->second.empty();
    const bool has_flag = flag != given.flags.end() && flag->second > 0;
    if ((has_values || has_flag) && is_among(bare, option.name) && std::string_view(option.name) != "expose") {
      return twice(option.name);
    }
    if (has_flag) {
      words.emplace_back(option.name);
    }
    for (std::size_t i = 0; has_values && i < values->second.size(); ++i) {
      words.insert(words.end(), {option.name, values->second[i]});
    }
  }
  return {};
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

Error unknown_option(const CLI::App& app, const std::string& option) {
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

} // namespace

std::span<const WordOption> word_options() {
  return all_word_options;
}

bool FanArguments::empty() const {
  const bool no_option = std::all_of(options.begin(), options.end(), [](const auto& o) { return o.second.empty(); });
  const bool no_flag = std::all_of(flags.begin(), flags.end(), [](const auto& f) { return f.second == 0; });
  return words.empty() && overlay.empty() && underlay.empty() && no_option && no_flag;
}

void declare_fan(CLI::App& app, FanArguments& into, bool with_options) {
  app.add_option("words", into.words)->group("");
  app.add_option("-o,--overlay", into.overlay, "the overlay network, e.g. 250.0.0.0/8")
      ->type_name("OVERLAY")
      ->allow_extra_args(false);
  app.add_option("-u,--underlay", into.underlay,
                 "the hosts' network: DEVICE, ADDRESS or NETWORK, with /LENGTH (default /16)")
      ->type_name("UNDERLAY")
      ->allow_extra_args(false);
  for (const WordOption& option : all_word_options) {
    if (!with_options) {
      break;
    }
    const std::string name = std::string("--") + option.name;
    if (option.argument == nullptr) {
      app.add_flag(name, into.flags[option.name], option.help);
    } else {
      app.add_option(name, into.options[option.name], option.help)->type_name(option.argument)->allow_extra_args(false);
    }
  }
}

Result<std::vector<std::string>> words_of_fan(const FanArguments& given) {
  const bool by_option = !given.overlay.empty() || !given.underlay.empty();
  std::vector<std::string> words;
  std::vector<std::string> bare = given.words;
  if (by_option) {
    Result<std::string> overlay = only_one(given.overlay, "--overlay");
    Result<std::string> underlay = only_one(given.underlay, "--underlay");
    if (!overlay || !underlay) {
      return std::move(overlay ? underlay : overlay).error();
    }
    words = {*overlay, *underlay};
  } else {
    bare.erase(bare.begin(), bare.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, bare.size())));
  }
  words.insert(words.end(), given.words.begin(), given.words.end());
  if (Result<void> appended = append_options(given, bare, words); !appended) {
    return std::move(appended).error();
  }
  const auto type = given.options.find("type");
  const bool typed = is_among(bare, "type") || (type != given.options.end() && !type->second.empty());
  if (by_option && !typed) {
    words.insert(words.end(), {"type", "vxlan"});
  }
  return words;
}

void declare_common(CLI::App& app, CommonArguments& into) {
  app.add_flag("--json", into.json, "one JSON document on standard output, errors included");
  app.add_flag("-v,--verbose", into.verbose, "say more");
  app.add_flag("-h,--help", into.help, "this text");
}

Result<void> parse_arguments(CLI::App& app, Words arguments) {
  if (const std::string* empty = option_with_empty_value(arguments)) {
    return usage_error(empty->substr(0, empty->size() - 1) + " wants a value, and has an empty one");
  }
  app.set_help_flag();
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
      return unknown_option(app, left);
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
