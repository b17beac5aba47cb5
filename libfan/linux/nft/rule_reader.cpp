#include "linux/nft/rule_reader.h"

#include <algorithm>
#include <array>

#include "linux/nft/condition_text.h"

namespace fan::nft {
namespace {

using firewall::Action;
using firewall::Condition;
using firewall::Rule;
using firewall::Subject;
using Words = std::vector<std::string>;

template <std::size_t size>
bool one_of(const std::array<std::string_view, size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
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
    rule.target = at + 1 < words.size() ? unquoted(words[at + 1]) : "";
    rule.action = rule.target.empty() ? Action::unknown : word == "jump" ? Action::jump : Action::go_to;
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
    const std::string name = unquoted(take());
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
    } else if (word == "ether" && peek() == "type") {
      take();
      frame_type();
    } else if (word == "arp") {
      rule_.conditions.push_back({Subject::family, false, {"arp"}, {}});
      unknown();
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
        rule_.conditions.push_back(protocol_is(number));
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
    if (peek() == "protocol") {
      take();
      frame_type();
      return;
    }
    field({{{"l4proto", Subject::protocol},
            {"nfproto", Subject::family},
            {"iifname", Subject::in_device},
            {"oifname", Subject::out_device}}});
  }

  // By nft's names or as a number; the families have their own names here.
  void frame_type() {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> types{
        {{"ip", "ipv4"}, {"0x0800", "ipv4"}, {"ip6", "ipv6"}, {"0x86dd", "ipv6"}, {"0x0806", "arp"}}};
    if (peek() == "vmap") {
      unknown();
      return;
    }
    compare(Subject::family);
    for (std::string& name : rule_.conditions.back().names) {
      const auto type =
          std::find_if(types.begin(), types.end(), [&name](const auto& one) { return one.first == name; });
      name = type == types.end() ? name : std::string(type->second);
    }
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
    if (const NamedSet* values = operand()) {
      Words keys;
      for (const auto& [key, data] : values->elements) {
        keys.push_back(key);
      }
      rule_.conditions.push_back(condition_of(subject, keys, negated));
    } else {
      unknown();
    }
  }

  // VALUE, VALUE "," VALUE, "{" ... "}", or @NAME. Nothing: it cannot be known. A named set is not copied: there are
  // long ones that many rules name.
  const NamedSet* operand() {
    if (!peek().empty() && peek().front() == '@') {
      const auto set = sets_.find(take().substr(1));
      return set != sets_.end() && set->second.fixed ? &set->second : nullptr;
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
    listed_here_ = read_elements(inside);
    return &listed_here_;
  }

  // A catch-all key ("*") holds only where no other one does, which one condition cannot say: unknown.
  void verdict_map(Subject subject) {
    const NamedSet* map = operand();
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
  NamedSet listed_here_; // the last operand that was no named set
  std::size_t at_ = 0;
  bool ended_ = false;
  bool lost_ = false;
  Rule rule_;
  std::vector<Rule> rules_;
};

} // namespace

std::vector<Rule> read_rule(std::string_view line, const NamedSets& sets) {
  return Reader(line, sets).read();
}

} // namespace fan::nft
