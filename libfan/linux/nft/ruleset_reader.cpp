#include "linux/nft/ruleset_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/object.h"
#include "linux/nft/rule_reader.h"

namespace fan::nft {
namespace {

using firewall::Base;
using firewall::Chain;
using firewall::Hook;
using firewall::Owner;
using firewall::Table;
using Words = std::vector<std::string>;

constexpr std::array<std::pair<std::string_view, Hook>, 5> hooks{{{"prerouting", Hook::prerouting},
                                                                  {"input", Hook::input},
                                                                  {"forward", Hook::forward},
                                                                  {"output", Hook::output},
                                                                  {"postrouting", Hook::postrouting}}};

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string after(const Words& words, std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  return found == words.end() || std::next(found) == words.end() ? std::string() : *std::next(found);
}

// "type filter hook input priority 0; policy drop;". Nothing for hooks that IPv4 packets do not come by here.
std::optional<Base> base_of(const Words& words) {
  const std::string name = after(words, "hook");
  const auto hook = std::find_if(hooks.begin(), hooks.end(), [&](const auto& known) { return known.first == name; });
  if (hook == hooks.end()) {
    return std::nullopt;
  }
  Base base;
  base.hook = hook->second;
  const std::string priority = after(words, "priority");
  (void)std::from_chars(priority.data(), priority.data() + priority.size(), base.priority);
  base.drops = after(words, "policy") == "drop;";
  return base;
}

// iptables-nft keeps its rules in tables and chains of fixed names.
bool is_iptables(const Table& table) {
  constexpr std::array<std::string_view, 5> tables{"filter", "mangle", "raw", "nat", "security"};
  constexpr std::array<std::string_view, 5> chains{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
  return table.family == "ip" && std::find(tables.begin(), tables.end(), table.name) != tables.end() &&
         std::all_of(table.chains.begin(), table.chains.end(), [&](const auto& entry) {
           return !entry.second.base || std::find(chains.begin(), chains.end(), entry.first) != chains.end();
         });
}

Owner owner_of(const Table& table) {
  return table.name == "firewalld" ? Owner::firewalld : is_iptables(table) ? Owner::iptables : Owner::nft;
}

class Reader {
public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::vector<Table> read() {
    while (!rest_.empty()) {
      const std::string_view line = next_line();
      const Words words = words_of_rule(line);
      if (words.size() >= 4 && words.front() == "table") {
        read_table(words);
      }
    }
    return std::move(tables_);
  }

private:
  std::string_view next_line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
  }

  void read_table(const Words& head) {
    Table table;
    table.family = head[1];
    table.name = unquoted(head[2]);
    sets_.clear();
    bool asleep = false;
    while (!rest_.empty()) {
      const std::string_view line = next_line();
      const Words words = words_of_rule(line);
      if (words.empty()) {
        continue;
      }
      if (words.front() == "}") {
        break;
      }
      asleep = asleep || (words.front() == "flags" && has(words, "dormant"));
      if (words.back() == "{") {
        read_block(table, words);
      }
    }
    table.owner = owner_of(table);
    const bool framed = table.family == "bridge";
    const bool ours = (framed || table.family == "inet") && table.name == table_name;
    if ((table.family == "ip" || table.family == "inet" || framed) && !ours && !asleep) {
      tables_.push_back(std::move(table));
    }
  }

  void read_block(Table& table, const Words& head) {
    const std::string name = head.size() > 2 ? unquoted(head[1]) : "";
    if (head.front() == "chain") {
      read_chain(table.chains[name]);
    } else if (head.front() == "set" || head.front() == "map") {
      read_set(sets_[name]);
    } else {
      skip_block();
    }
  }

  void skip_block() {
    while (!rest_.empty() && next_line() != "}") {
    }
  }

  void read_chain(Chain& chain) {
    while (!rest_.empty()) {
      const std::string_view line = next_line();
      const Words words = words_of_rule(line);
      if (words.empty() || words.front().front() == '#') {
        continue;
      }
      if (words.front() == "}") {
        return;
      }
      if (words.front() == "type" && has(words, "hook")) {
        chain.base = base_of(words);
        continue;
      }
      for (firewall::Rule& rule : read_rule(line, sets_)) {
        chain.rules.push_back(std::move(rule));
      }
    }
  }

  // Elements go over several lines, to their own closing brace.
  void read_set(NamedSet& set) {
    bool fixed = true;
    while (!rest_.empty()) {
      Words words = words_of_rule(next_line());
      if (words.empty()) {
        continue;
      }
      if (words.front() == "}") {
        break;
      }
      fixed = fixed && !(words.front() == "flags" && (has(words, "dynamic") || has(words, "timeout")));
      if (words.front() == "elements") {
        set = read_elements(
            rest_of_elements({std::next(words.begin(), std::min<std::ptrdiff_t>(3, words.size())), words.end()}));
      }
    }
    set.fixed = fixed;
  }

  // Each word is looked at once: there are sets of a hundred thousand lines.
  Words rest_of_elements(Words words) {
    auto end = std::find(words.begin(), words.end(), "}");
    while (end == words.end() && !rest_.empty()) {
      const Words more = words_of_rule(next_line());
      const auto added = words.insert(words.end(), more.begin(), more.end());
      end = std::find(added, words.end(), "}");
    }
    words.erase(end, words.end());
    return words;
  }

  std::string_view rest_;
  NamedSets sets_;
  std::vector<Table> tables_;
};

} // namespace

std::vector<Table> read_ruleset(std::string_view listing) {
  return Reader(listing).read();
}

} // namespace fan::nft
