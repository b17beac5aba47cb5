#include "linux/nft/rule_words.h"

#include <algorithm>

namespace fan::nft {

std::vector<std::string> words_of_rule(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++at;
    } else if (c == '"') {
      const std::size_t end = std::min(line.find('"', at + 1), line.size());
      words.emplace_back(line.substr(at, end - at));
      at = end + 1;
    } else if (c == ',' || c == '{' || c == '}') {
      words.emplace_back(1, c);
      ++at;
    } else {
      const std::size_t end = std::min(line.find_first_of(" \t\r\n,{}\"", at), line.size());
      words.emplace_back(line.substr(at, end - at));
      at = end;
    }
  }
  return words;
}

std::string unquoted(const std::string& word) {
  return word.starts_with('"') ? word.substr(1) : word;
}

NamedSet read_elements(const std::vector<std::string>& words) {
  NamedSet set;
  std::vector<std::string> one;
  const auto put = [&] {
    if (one.empty()) {
      return;
    }
    const auto colon = std::find(one.begin(), one.end(), ":");
    // "a . b" is a tuple, and a tuple is no value of any one subject.
    const bool tuple = one.size() > 1 && one[1] == ".";
    set.elements.emplace_back(tuple ? "" : unquoted(one.front()),
                              colon == one.end() ? std::vector<std::string>{}
                                                 : std::vector<std::string>(std::next(colon), one.end()));
    one.clear();
  };
  for (const std::string& word : words) {
    if (word == ",") {
      put();
    } else {
      one.push_back(word);
    }
  }
  put();
  return set;
}

} // namespace fan::nft
