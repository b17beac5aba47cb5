// One rule as `nft list` prints it, read for what it does to a packet (core/firewall_rules.h). Pure. What is not
// understood becomes Subject::unknown or Action::unknown, never a guess.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/firewall_rules.h"

namespace fan::nft {

// A word, a quoted string (without its quotes), or one of , { } by itself.
std::vector<std::string> words_of_rule(std::string_view line);

// A named set or map: its keys as listed and, for a map, the words of what each key stands for.
struct NamedSet {
  std::vector<std::pair<std::string, std::vector<std::string>>> elements;
  bool fixed = true; // false: elements come and go by themselves
};
using NamedSets = std::map<std::string, NamedSet, std::less<>>;

// What stands between the braces of `elements = { ... }` or of an anonymous set or verdict map.
NamedSet read_elements(const std::vector<std::string>& words);

// A verdict map gives a rule for each of its keys; everything else one rule.
std::vector<firewall::Rule> read_rule(std::string_view line, const NamedSets& sets);

} // namespace fan::nft
