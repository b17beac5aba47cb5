// The command line as values. CLI11 does the splitting into options and words; what the words of a fan mean is
// core/words.h, so that a command line and a configuration file cannot come to differ: an option of a fan is handed on
// as the word it stands for.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fan_spec.h"
#include "core/result.h"

namespace CLI {
class App;
}

namespace fan::cli {

using Words = std::span<const std::string>;

// One option of a fan and the word it stands for: --vni 5 is "vni 5".
struct WordOption {
  const char* name;     // without the dashes; it is the word too
  const char* argument; // placeholder in the help, nullptr for an option without one
  const char* help;
};
std::span<const WordOption> word_options();

// A fan as it was named: by the 2015 words, by -o and -u, and by options.
struct FanArguments {
  std::vector<std::string> words;                          // bare words, in order
  std::vector<std::string> overlay;                        // -o; more than one is an error
  std::vector<std::string> underlay;                       // -u
  std::map<std::string, std::vector<std::string>> options; // values by name of WordOption
  std::map<std::string, std::size_t> flags;                // how often, for those without a value

  [[nodiscard]] bool has_options() const; // besides -o and -u
  [[nodiscard]] bool empty() const;
};

enum class FanOptions {
  none,   // -o, -u and bare words
  header, // and what decides what a packet looks like
  all,    // and every word_options()
};
void declare_fan(CLI::App& app, FanArguments& into, FanOptions which);

// The words of the 2015 grammar for what was given, overlay and underlay first. `-o`/`-u` without a type means vxlan.
// Errors (usage): one of -o and -u is missing, there are options and not both networks, something is given twice, or
// both as a word and as an option.
Result<std::vector<std::string>> words_of_fan(const FanArguments& given);

// What every command understands.
struct CommonArguments {
  bool json = false;
  bool verbose = false;
  bool help = false;
};
void declare_common(CLI::App& app, CommonArguments& into);

// Fills what was declared on `app`. Errors (usage) say which option, and suggest the nearest one. An option of one
// command that is a value elsewhere is no matter: nothing is guessed.
Result<void> parse_arguments(CLI::App& app, Words arguments);

// "10" → 10 s. At most a day. Error class: usage.
Result<std::chrono::milliseconds> parse_wait(std::string_view text);

// True when --json is among the arguments, also when they cannot be parsed.
bool wants_json(Words arguments);

// The options of `app` for --help, one or more lines each.
std::string options_text(const CLI::App& app);

} // namespace fan::cli
