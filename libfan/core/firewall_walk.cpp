#include "core/firewall_walk.h"

#include <algorithm>

namespace fan::firewall {
namespace {

enum class Match { no, some, all }; // of the packets that a probe stands for

constexpr unsigned deepest = 32; // the kernel's own bound is 16 (NFT_JUMP_STACK_SIZE)

Match negate(Match match) {
  return match == Match::all ? Match::no : match == Match::no ? Match::all : Match::some;
}

bool same_name(const std::string& pattern, const std::string& name) {
  if (pattern.empty() || pattern.back() != '*') {
    return pattern == name;
  }
  return name.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}

Match meets_names(const Condition& condition, const std::string& name) {
  return std::any_of(condition.names.begin(), condition.names.end(),
                     [&](const std::string& pattern) { return same_name(pattern, name); })
             ? Match::all
             : Match::no;
}

Match meets_ranges(const Condition& condition, Range value) {
  Match best = Match::no;
  for (const Range& range : condition.ranges) {
    if (range.first <= value.first && value.last <= range.last) {
      return Match::all;
    }
    if (range.first <= value.last && value.first <= range.last) {
      best = Match::some;
    }
  }
  return best;
}

Range range_of(const Prefix& prefix) {
  return {prefix.network().v4(), prefix.broadcast().v4()};
}

template <class Number>
Range range_of(const std::optional<Number>& number, std::uint32_t largest) {
  return number ? Range{*number, *number} : Range{0, largest};
}

bool is_of_ipv4(Subject subject) {
  return subject == Subject::source || subject == Subject::destination || subject == Subject::protocol ||
         subject == Subject::source_port || subject == Subject::destination_port;
}

Match meets_as_written(const Condition& condition, const Probe& probe) {
  switch (condition.subject) {
  case Subject::in_device:
    return probe.framed ? Match::some : meets_names(condition, probe.in_device);
  case Subject::out_device:
    return probe.framed ? Match::some : meets_names(condition, probe.out_device);
  case Subject::source:
    return meets_ranges(condition, range_of(probe.source));
  case Subject::destination:
    return meets_ranges(condition, range_of(probe.destination));
  case Subject::protocol:
    return meets_ranges(condition, range_of(probe.protocol, 0xff));
  case Subject::source_port:
    return meets_ranges(condition, range_of(probe.source_port, 0xffff));
  case Subject::destination_port:
    return meets_ranges(condition, range_of(probe.destination_port, 0xffff));
  case Subject::state:
    return meets_names(condition, probe.state);
  case Subject::status: // of a connection that is only beginning, or that is none, nothing is known to conntrack
    return probe.state == "established" ? Match::some : Match::no;
  case Subject::destination_type:
    return meets_names(condition, probe.destination_type);
  case Subject::family:
    return meets_names(condition, probe.family);
  case Subject::unknown:
    break;
  }
  return Match::some;
}

Match meets(const Rule& rule, const Probe& probe) {
  Match match = Match::all;
  for (const Condition& condition : rule.conditions) {
    if (probe.family != "ipv4" && is_of_ipv4(condition.subject)) {
      return Match::no; // negated or not: nft asks for IPv4 first
    }
    const Match one = meets_as_written(condition, probe);
    match = std::min(match, condition.negated ? negate(one) : one);
  }
  return match;
}

// One packet on its way through one table.
class Walk {
public:
  Walk(const Table& table, const Probe& probe) : table_(table), probe_(probe) {}

  std::optional<Drop> enter(const std::string& base, const Chain& chain) {
    const End end = follow(base, chain, 0);
    if (end.kind == Kind::fell_out && chain.base->drops) {
      return claim({&table_, base, base, nullptr});
    }
    return end.kind == Kind::dropped ? claim({&table_, base, end.chain, end.rule}) : std::nullopt;
  }

private:
  enum class Kind { fell_out, accepted, dropped };
  struct End {
    Kind kind = Kind::fell_out;
    std::string chain = {};
    const Rule* rule = nullptr;
  };

  [[nodiscard]] std::optional<Drop> claim(Drop drop) const { return doubtful_ ? std::nullopt : std::optional(drop); }

  // The end of the packet where a rule surely applies; nothing: it goes on to the next rule.
  std::optional<End> surely(const std::string& name, const Rule& rule, unsigned depth) {
    switch (rule.action) {
    case Action::accept:
      return End{Kind::accepted};
    case Action::drop:
      return End{Kind::dropped, name, &rule};
    case Action::leave:
      return End{};
    case Action::go_to:
      return follow_to(rule.target, depth);
    case Action::jump:
      if (End end = follow_to(rule.target, depth); end.kind != Kind::fell_out) {
        return end;
      }
      return std::nullopt;
    case Action::unknown:
      doubtful_ = true;
      return std::nullopt;
    case Action::go_on:
      break;
    }
    return std::nullopt;
  }

  // Where a rule may apply: whatever could spare the packet a later drop makes that drop doubtful.
  void perhaps(const Rule& rule, unsigned depth) {
    if (rule.action == Action::jump) {
      doubtful_ = doubtful_ || follow_to(rule.target, depth).kind == Kind::accepted;
    } else if (rule.action != Action::drop && rule.action != Action::go_on) {
      doubtful_ = true;
    }
  }

  End follow_to(const std::string& name, unsigned depth) {
    const auto target = table_.chains.find(name);
    if (target == table_.chains.end() || depth >= deepest) {
      doubtful_ = true;
      return {};
    }
    return follow(name, target->second, depth + 1);
  }

  End follow(const std::string& name, const Chain& chain, unsigned depth) {
    for (const Rule& rule : chain.rules) {
      const Match match = meets(rule, probe_);
      if (match == Match::some) {
        perhaps(rule, depth);
      } else if (match == Match::all) {
        if (std::optional<End> end = surely(name, rule, depth)) {
          return *end;
        }
      }
    }
    return {};
  }

  const Table& table_;
  const Probe& probe_;
  bool doubtful_ = false;
};

struct Entry {
  const Table* table;
  const std::string* name;
  const Chain* chain;
};

// After the tables of IPv4 the kernel goes on behind its own place among those of bridges. Whether what has the same
// priority is left out (br_nf_hook_thresh in net/bridge/br_netfilter_hooks.c) depends on its version: 6.1 does.
bool may_be_left_out(const Base& base, const Probe& probe) {
  return probe.framed && probe.bridged && probe.family == "ipv4" && (base.priority == 0 || base.priority == -1) &&
         (base.hook == Hook::prerouting || base.hook == Hook::forward);
}

std::vector<Entry> entries(const std::vector<Table>& tables, Hook hook, const Probe& probe) {
  std::vector<Entry> found;
  for (const Table& table : tables) {
    if ((table.family == "bridge") != probe.framed) {
      continue;
    }
    for (const auto& [name, chain] : table.chains) {
      if (chain.base && chain.base->hook == hook && !may_be_left_out(*chain.base, probe)) {
        found.push_back({&table, &name, &chain});
      }
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Entry& a, const Entry& b) { return a.chain->base->priority < b.chain->base->priority; });
  return found;
}

} // namespace

std::optional<Drop> certain_drop(const std::vector<Table>& tables, const Probe& probe) {
  for (const Hook hook : probe.hooks) {
    for (const Entry& entry : entries(tables, hook, probe)) {
      if (auto drop = Walk(*entry.table, probe).enter(*entry.name, *entry.chain)) {
        return drop;
      }
    }
  }
  return std::nullopt;
}

} // namespace fan::firewall
