#include "core/words.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/flags.h"

namespace fan {

namespace {

using Taken = Result<void>;

// Reads word after word. On an error `at()` is the word that is wrong.
class Reader {
public:
  explicit Reader(std::span<const std::string> words) : words_(words) {}

  Result<FanSpec> read() {
    for (auto step : {&Reader::check_bytes, &Reader::read_overlay, &Reader::read_underlay, &Reader::read_flags,
                      &Reader::check_whole})
      if (auto done = (this->*step)(); !done)
        return std::move(done).error();
    return spec_;
  }

  [[nodiscard]] std::size_t at() const { return at_; }

private:
  Taken check_bytes() {
    for (at_ = 0; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (word.empty())
        return usage_error(fmt::format("word {} is empty", at_ + 1));
      if (word.size() > longest_word)
        return usage_error(fmt::format("{} is too long: {} bytes", quoted(word), word.size()));
      if (std::any_of(word.begin(), word.end(),
                      [](char c) { return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r'); }))
        return usage_error(quoted(word) + " has a blank or a zero byte in it");
    }
    at_ = 0;
    return {};
  }

  Taken read_overlay() {
    if (words_.empty())
      return usage_error("the overlay is missing", "write OVERLAY UNDERLAY, as in: 250.0.0.0/8 eth0/16");
    auto overlay = parse_overlay(words_[0]);
    if (!overlay)
      return std::move(overlay).error();
    spec_.overlay = *overlay;
    spec_.overlay_text = words_[0];
    at_ = 1;
    return {};
  }

  Taken read_underlay() {
    if (words_.size() < 2)
      return usage_error("the underlay is missing after overlay " + quoted(words_[0]),
                         "write an address, a device or 'default', as in: 250.0.0.0/8 eth0/16");
    auto underlay = parse_underlay(words_[1]);
    if (!underlay)
      return std::move(underlay).error();
    spec_.underlay = *underlay;
    spec_.underlay_text = words_[1];
    at_ = 2;
    return {};
  }

  Taken read_flags() {
    while (at_ < words_.size())
      if (auto taken = read_flag(); !taken)
        return taken;
    return {};
  }

  Taken read_flag() {
    const std::string& word = words_[at_];
    const Flag* flag = find_flag(word);
    if (flag == nullptr)
      return unknown_flag(word);
    if (!seen_.insert(word).second && !flag->repeats)
      return usage_error("flag " + quoted(word) + " is given twice", "give it once");
    if (flag->argument != nullptr && at_ + 1 == words_.size())
      return usage_error(fmt::format("{} is missing after {}", flag->argument, quoted(word)));
    if (flag->argument != nullptr)
      ++at_;
    if (auto taken = flag->take(spec_, words_[at_]); !taken)
      return flag->argument == nullptr ? std::move(taken).error() : std::move(taken).error().within(word);
    ++at_;
    return {};
  }

  Taken check_whole() {
    spec_.accept.erase(spec_.encapsulation);
    std::sort(spec_.expose.begin(), spec_.expose.end());
    const bool speaks_vxlan =
        spec_.encapsulation == Encapsulation::vxlan || spec_.accept.count(Encapsulation::vxlan) != 0;
    for (const char* word : {"vni", "port"})
      if (seen_.count(word) != 0 && !speaks_vxlan)
        return usage_error(
            fmt::format("flag '{}' is for vxlan, and this fan is {}", word, name_of(spec_.encapsulation)),
            fmt::format("add 'type vxlan', or leave '{}' out", word));
    for (const char* word : {"lease-time", "domain"})
      if (seen_.count(word) != 0 && !spec_.dhcp)
        return usage_error(
            fmt::format("flag '{}' is for the DHCP and DNS server of the fan, which is not asked for", word),
            fmt::format("add 'dhcp', or leave '{}' out", word));
    if (spec_.dhcp && spec_.host_access == HostAccess::none)
      return usage_error("'dhcp' serves endpoints that 'host-access none' does not let ask",
                         "write 'host-access dhcp', or leave 'dhcp' out");
    return {};
  }

  std::span<const std::string> words_;
  std::size_t at_ = 0;
  std::set<std::string> seen_;
  FanSpec spec_;
};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Column, from 1, of the n-th word of `line`, or of its end when there are fewer.
int column_of(std::string_view line, std::size_t n) {
  std::size_t i = 0;
  for (;; --n) {
    while (i < line.size() && is_blank(line[i]))
      ++i;
    if (n == 0 || i == line.size())
      return static_cast<int>(i) + 1;
    while (i < line.size() && !is_blank(line[i]))
      ++i;
  }
}

} // namespace

Result<FanSpec> parse_words(std::span<const std::string> words, const TextPlace* where) {
  Reader reader(words);
  auto spec = reader.read();
  if (!spec && where != nullptr) {
    TextPlace place = *where;
    place.column = column_of(place.excerpt, reader.at());
    spec.error().place = place;
  }
  return spec;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && !is_blank(text[end]))
      ++end;
    if (end > i)
      words.emplace_back(text.substr(i, end - i));
    i = end + 1;
  }
  return words;
}

std::string join_words(std::span<const std::string> words) {
  return fmt::format("{}", fmt::join(words, " "));
}

} // namespace fan
