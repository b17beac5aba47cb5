// The words of a line of `nft list`, and the elements of a set among them. Pure: knows no word's meaning.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fan::nft {

// A word, a quoted string, or one of , { } by itself. A quoted string keeps its first quote and loses the last one: so
// no word of nft's own is like one that somebody has put into a comment.
std::vector<std::string> words_of_rule(std::string_view line);

// What a word names, quoted or not.
std::string unquoted(const std::string& word);

// A named set or map: its keys as listed, without quotes, and, for a map, the words of what each key stands for.
struct NamedSet {
  std::vector<std::pair<std::string, std::vector<std::string>>> elements;
  bool fixed = true; // false: elements come and go by themselves
};
using NamedSets = std::map<std::string, NamedSet, std::less<>>;

// What stands between the braces of `elements = { ... }` or of an anonymous set or verdict map.
NamedSet read_elements(const std::vector<std::string>& words);

} // namespace fan::nft
