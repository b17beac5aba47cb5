#include "linux/nft/rule_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/address.h"

namespace fan::nft {
namespace {

using firewall::Action;
using firewall::Condition;
using firewall::Range;
using firewall::Rule;
using firewall::Subject;
using Words = std::vector<std::string>;

template <std::size_t size>
bool one_of(const std::array<std::string_view, size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_address(Subject subject) {
  return subject == Subject::source || subject == Subject::destination;
}

bool is_named(Subject subject) {
  return subject == Subject::in_device || subject == Subject::out_device || subject == Subject::state ||
         subject == Subject::status || subject == Subject::destination_type || subject == Subject::family;
}

std::optional<std::uint32_t> number_of(Subject subject, std::string_view text) {
  if (is_address(subject)) {
    const Result<Address> address = Address::parse(text);
    return address ? std::optional(address->v4()) : std::nullopt;
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// "67", "1000-2000", "10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9".
std::optional<Range> range_of(Subject subject, std::string_view text) {
  if (is_address(subject) && text.find('/') != std::string_view::npos) {
    const Result<Prefix> prefix = Prefix::parse(text);
    return prefix ? std::optional(Range{prefix->network().v4(), prefix->broadcast().v4()}) : std::nullopt;
  }
  const std::size_t dash = text.find('-');
  const auto first = number_of(subject, text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number_of(subject, text.substr(dash + 1));
  return first && last ? std::optional(Range{*first, *last}) : std::nullopt;
}

bool put_value(Condition& condition, const std::string& text) {
  if (is_named(condition.subject)) {
    condition.names.push_back(text);
    return text.find_first_of("$<>=!&|^@") == std::string::npos;
  }
  const auto range = range_of(condition.subject, text);
  if (range) {
    condition.ranges.push_back(*range);
  }
  return range.has_value();
}

Condition condition_of(Subject subject, const Words& values, bool negated) {
  Condition condition{subject, negated, {}, {}};
  const bool understood =
      std::all_of(values.begin(), values.end(), [&](const std::string& text) { return put_value(condition, text); });
  return understood && !values.empty() ? condition : Condition{};
}

Condition protocol(std::uint32_t number) {
  return {Subject::protocol, false, {}, {{number, number}}};
}

constexpr std::array<std::string_view, 10> translations{"queue",  "dnat", "snat", "masquerade", "redirect",
                                                        "tproxy", "dup",  "fwd",  "synproxy",   "set"};
// Extensions of iptables that nft cannot translate and that let the packet go on.
constexpr std::array<std::string_view, 11> harmless_targets{
    "CHECKSUM", "TCPMSS", "MARK", "CONNMARK", "LOG", "NFLOG", "CT", "AUDIT", "CLASSIFY", "DSCP", "TOS"};
constexpr std::array<std::string_view, 6> log_options{"prefix", "level",   "group",
                                                      "flags",  "snaplen", "queue-threshold"};

// True when `word` is a verdict; fills it in from the words after it.
bool put_verdict(Rule& rule, const Words& words, std::size_t at) {
  const std::string& word = words[at];
  if (word == "jump" || word == "goto") {
    rule.action = word == "jump" ? Action::jump : Action::go_to;
    rule.target = at + 1 < words.size() ? words[at + 1] : "";
  } else if (word == "accept") {
    rule.action = Action::accept;
  } else if (word == "drop" || word == "reject") {
    rule.action = Action::drop;
  } else if (word == "return") {
    rule.action = Action::leave;
  } else if (word != "continue") {
    return false;
  }
  return true;
}

class Reader {
public:
  Reader(std::string_view line, const NamedSets& sets) : words_(words_of_rule(line)), sets_(sets) { rule_.text = line; }

  std::vector<Rule> read() {
    while (at_ < words_.size() && !ended_) {
      statement();
    }
    if (rules_.empty()) {
      rules_.push_back(rule_);
    }
    return std::move(rules_);
  }

private:
  [[nodiscard]] std::string_view peek() const { return at_ < words_.size() ? words_[at_] : std::string_view(); }
  std::string take() { return at_ < words_.size() ? words_[at_++] : std::string(); }

  // From here on only the verdict is looked for: a condition read from the middle of something else would be a guess.
  void unknown() {
    rule_.conditions.push_back({});
    lost_ = true;
  }

  void statement() {
    if (put_verdict(rule_, words_, at_)) {
      ended_ = true;
      return;
    }
    const std::string word = take();
    if (word == "counter") {
      at_ += peek() == "packets" ? 4 : peek() == "name" ? 2 : 0;
    } else if (word == "comment") {
      take();
    } else if (word == "log") {
      skip_log();
    } else if (word == "xt") {
      extension();
    } else if (one_of(translations, word)) {
      rule_.action = Action::unknown;
      ended_ = true;
    } else if (word != "notrack" && !lost_) {
      match(word);
    }
  }

  void skip_log() {
    while (one_of(log_options, peek())) {
      at_ += 2;
    }
  }

  void extension() {
    const std::string kind = take();
    const std::string name = take();
    if (kind != "target") {
      rule_.conditions.push_back({});
    } else if (!one_of(harmless_targets, name)) {
      rule_.action = Action::unknown;
      ended_ = true;
    }
  }

  void match(const std::string& word) {
    if (word == "iif" || word == "iifname") {
      compare(Subject::in_device);
    } else if (word == "oif" || word == "oifname") {
      compare(Subject::out_device);
    } else if (word == "ip") {
      field({{{"saddr", Subject::source}, {"daddr", Subject::destination}, {"protocol", Subject::protocol}}});
    } else if (word == "meta") {
      meta();
    } else if (word == "ct") {
      field({{{"state", Subject::state}, {"status", Subject::status}}});
    } else if (word == "fib") {
      fib();
    } else if (word == "ip6") {
      rule_.conditions.push_back({Subject::family, false, {"ipv6"}, {}});
      unknown();
    } else {
      transport(word);
    }
  }

  void transport(const std::string& word) {
    constexpr std::array<std::pair<std::string_view, std::uint32_t>, 6> protocols{
        {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {"sctp", 132}, {"dccp", 33}}};
    for (const auto& [name, number] : protocols) {
      if (word == name) {
        rule_.conditions.push_back(protocol(number));
        field({{{"sport", Subject::source_port}, {"dport", Subject::destination_port}}});
        return;
      }
    }
    if (word == "th") {
      field({{{"sport", Subject::source_port}, {"dport", Subject::destination_port}}});
    } else {
      unknown();
    }
  }

  void meta() {
    if (peek() == "mark" && at_ + 1 < words_.size() && words_[at_ + 1] == "set") {
      at_ += 3;
      return;
    }
    field({{{"l4proto", Subject::protocol},
            {"nfproto", Subject::family},
            {"iifname", Subject::in_device},
            {"oifname", Subject::out_device}}});
  }

  void fib() {
    const bool plain = peek() == "daddr" && at_ + 1 < words_.size() && words_[at_ + 1] == "type";
    if (!plain) {
      unknown();
      return;
    }
    at_ += 2;
    compare(Subject::destination_type);
  }

  struct Fields {
    std::vector<std::pair<std::string_view, Subject>> known;
  };
  void field(const Fields& fields) {
    const std::string name = take();
    for (const auto& [known, subject] : fields.known) {
      if (name == known) {
        compare(subject);
        return;
      }
    }
    unknown();
  }

  void compare(Subject subject) {
    if (peek() == "vmap") {
      take();
      verdict_map(subject);
      return;
    }
    const bool negated = peek() == "!=";
    at_ += negated ? 1 : 0;
    if (const auto values = operand()) {
      Words keys;
      for (const auto& [key, data] : values->elements) {
        keys.push_back(key);
      }
      rule_.conditions.push_back(condition_of(subject, keys, negated));
    } else {
      unknown();
    }
  }

  // VALUE, VALUE "," VALUE, "{" ... "}", or @NAME. Nothing: it cannot be known.
  std::optional<NamedSet> operand() {
    if (!peek().empty() && peek().front() == '@') {
      const auto set = sets_.find(take().substr(1));
      return set != sets_.end() && set->second.fixed ? std::optional(set->second) : std::nullopt;
    }
    Words inside;
    if (peek() == "{") {
      for (take(); at_ < words_.size() && peek() != "}";) {
        inside.push_back(take());
      }
      take();
    } else {
      inside.push_back(take());
      while (peek() == ",") {
        inside.push_back(take());
        inside.push_back(take());
      }
    }
    return read_elements(inside);
  }

  // A catch-all key ("*") holds only where no other one does, which one condition cannot say: unknown.
  void verdict_map(Subject subject) {
    const auto map = operand();
    ended_ = true;
    if (!map) {
      rule_.action = Action::unknown;
      return;
    }
    for (const auto& [key, verdict] : map->elements) {
      Rule rule = rule_;
      rule.conditions.push_back(key == "*" ? Condition{} : condition_of(subject, {key}, false));
      if (verdict.empty() || !put_verdict(rule, verdict, 0)) {
        rule.action = Action::unknown;
      }
      rules_.push_back(std::move(rule));
    }
  }

  Words words_;
  const NamedSets& sets_;
  std::size_t at_ = 0;
  bool ended_ = false;
  bool lost_ = false;
  Rule rule_;
  std::vector<Rule> rules_;
};

} // namespace

std::vector<std::string> words_of_rule(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++at;
    } else if (c == '"') {
      const std::size_t end = std::min(line.find('"', at + 1), line.size());
      words.emplace_back(line.substr(at + 1, end - at - 1));
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
    set.elements.emplace_back(tuple ? "" : one.front(),
                              colon == one.end() ? Words{} : Words(std::next(colon), one.end()));
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

std::vector<Rule> read_rule(std::string_view line, const NamedSets& sets) {
  return Reader(line, sets).read();
}

} // namespace fan::nft
