#include "linux/nft/listing.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/errors.h"

namespace fan::nft {
namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view elements_start = "elements = {";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// Takes `word` and the number after it off the front; false when they are not there.
bool take_number(std::string_view& text, std::string_view word, std::uint64_t& number) {
  if (!starts_with(text, word)) {
    return false;
  }
  const char* const begin = text.data() + word.size();
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

// The position of the first `wanted` outside of quotes.
std::size_t find_unquoted(std::string_view text, std::string_view wanted) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && starts_with(text.substr(i), wanted)) {
      return i;
    }
  }
  return std::string_view::npos;
}

// What versions of nft spell otherwise, and how 1.0.6 does, in which the rules are written.
struct Spelling {
  std::string_view newer;
  std::string_view here;
};
constexpr Spelling spellings[] = {
    {" check exists", " oif exists"},             // from 1.1 on
    {" check missing", " oif missing"},           // 1.1.6
    {" icmp code 4 ", " icmp code frag-needed "}, // 1.1.3
    {" icmpv6 taddr ", " @th,64,128 "},           // 1.0.9, of neighbour solicitations and advertisements
};

std::string canonical(std::string_view line) {
  std::string text(line);
  for (const Spelling& spelling : spellings) {
    for (std::size_t at = text.find(spelling.newer); at != std::string::npos; at = text.find(spelling.newer, at)) {
      text.replace(at, spelling.newer.size(), spelling.here);
      at += spelling.here.size() - 1; // one blank may serve two
    }
  }
  return text;
}

// Cuts the next piece off `text`, up to `separator`.
std::string_view take(std::string_view& text, std::string_view separator) {
  const std::size_t end = find_unquoted(text, separator);
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
  return piece;
}

// One element as listed: "KEY", "KEY : DATA", either with attributes that we never give: timeout, expires, counter,
// comment.
SetElement element_from(const std::string& set, std::string_view text) {
  std::string_view data = text;
  std::string_view key = trimmed(take(data, " : "));
  for (const std::string_view attribute : {" timeout ", " expires ", " counter ", " comment "}) {
    key = key.substr(0, find_unquoted(key, attribute));
  }
  return {set, std::string(trimmed(key)), std::string(trimmed(data))};
}

class Parser {
public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<Listing> parse() {
    while (!rest_.empty() && !broken_) {
      line(trimmed(next_line()));
    }
    if (broken_ || listing_.rules.empty()) {
      return make_error(ErrorClass::kernel, "cannot follow what nftables lists",
                        "`nft list table inet fanctl` should print one table; please report what it prints");
    }
    return std::move(listing_);
  }

private:
  std::string_view next_line() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }

  void line(std::string_view text) {
    if (text.empty()) {
      return;
    }
    if (starts_with(text, "comment \"") && block_.empty()) {
      listing_.comment = text.substr(9, text.size() - 10);
    } else if (starts_with(text, elements_start)) {
      elements(text.substr(elements_start.size()));
    } else if (starts_with(text, "packets ") && starts_with(block_, "counter ")) {
      counter(text);
    } else {
      enter_or_leave(text);
      listing_.rules += canonical(text) + '\n';
    }
  }

  void enter_or_leave(std::string_view text) {
    if (text == "}") {
      block_.clear();
    } else if (text.back() == '{' && !starts_with(text, "table ")) {
      block_ = trimmed(text.substr(0, text.size() - 1));
    }
  }

  [[nodiscard]] std::string name() const { return block_.substr(block_.find(' ') + 1); }

  void elements(std::string_view first) {
    std::string all;
    std::string_view line = first; // a quoted name does not go on in the next one
    while (find_unquoted(line, "}") == std::string_view::npos) {
      all += line;
      all += ' ';
      if (rest_.empty()) {
        broken_ = true;
        return;
      }
      line = trimmed(next_line());
    }
    all += line.substr(0, find_unquoted(line, "}"));
    std::string_view inside = all;
    while (!trimmed(inside).empty()) {
      listing_.elements.push_back(element_from(name(), take(inside, ",")));
    }
  }

  void counter(std::string_view text) {
    DropCount count{name(), 0, 0};
    if (!take_number(text, "packets ", count.packets) || !take_number(text, " bytes ", count.bytes)) {
      broken_ = true;
    }
    listing_.counters.push_back(std::move(count));
  }

  std::string_view rest_;
  std::string block_; // "set slices" while inside of it
  Listing listing_;
  bool broken_ = false;
};

} // namespace

Result<Listing> parse_listing(std::string_view text) {
  return Parser(text).parse();
}

std::string frame_of(const std::string& rules) {
  std::string frame;
  bool in_chain = false;
  for (std::size_t at = 0; at < rules.size();) {
    const std::size_t end = std::min(rules.find('\n', at), rules.size());
    const std::string_view line(rules.data() + at, end - at);
    in_chain = (in_chain && line != "}") || starts_with(line, "chain ");
    if (!in_chain || starts_with(line, "chain ") || starts_with(line, "type ")) {
      const bool hook = in_chain && starts_with(line, "type ");
      frame += std::string(line.substr(0, hook ? line.find(" policy ") : std::string_view::npos)) + '\n';
    }
    at = end + 1;
  }
  return frame;
}

std::string comparable(std::string_view rules) {
  std::string text;
  while (!rules.empty()) {
    const std::size_t end = rules.find('\n');
    const std::string_view line = trimmed(rules.substr(0, end));
    if (!line.empty() && line.front() != '#') {
      text += canonical(line) + '\n';
    }
    rules.remove_prefix(end == std::string_view::npos ? rules.size() : end + 1);
  }
  return text;
}

} // namespace fan::nft
