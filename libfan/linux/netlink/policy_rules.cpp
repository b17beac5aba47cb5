#include "linux/netlink/policy_rules.h"

#include <algorithm>
#include <cerrno>
#include <functional>

#include <endian.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/link.h"
#include "linux/netlink/packet_lookup.h"
#include "linux/netlink/route_lookup.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

constexpr std::size_t misleading_at_most = 8;
constexpr std::uint32_t nothing_ignored = ~0U; // of FRA_SUPPRESS_PREFIXLEN and FRA_SUPPRESS_IFGROUP

RuleAction action_of(std::uint8_t action) {
  switch (action) {
  case FR_ACT_TO_TBL:
    return RuleAction::table;
  case FR_ACT_GOTO:
    return RuleAction::jump;
  case FR_ACT_BLACKHOLE:
    return RuleAction::blackhole;
  case FR_ACT_UNREACHABLE:
    return RuleAction::unreachable;
  case FR_ACT_PROHIBIT:
    return RuleAction::prohibit;
  default:
    return RuleAction::nothing;
  }
}

template <class Number, class Raw>
std::optional<RuleRange<Number>> range_in(const Attributes& attributes, unsigned type) {
  const auto attribute = attributes.get(type);
  const auto raw = attribute ? attribute->number<Raw>() : std::nullopt;
  return raw ? std::optional(RuleRange<Number>{raw->start, raw->end}) : std::nullopt;
}

std::optional<std::uint32_t> unless_nothing(const std::optional<std::uint32_t>& number) {
  return number == nothing_ignored ? std::nullopt : number;
}

void read_selectors(PolicyRule& rule, const Attributes& attributes) {
  rule.mark = attributes.u32(FRA_FWMARK).value_or(0);
  rule.mark_mask = attributes.u32(FRA_FWMASK).value_or(rule.mark == 0 ? 0 : ~0U);
  rule.in_device = attributes.text(FRA_IIFNAME);
  rule.out_device = attributes.text(FRA_OIFNAME);
  rule.vrf = attributes.u8(FRA_L3MDEV).value_or(0) != 0;
  rule.tunnel_id = be64toh(attributes.u64(FRA_TUN_ID).value_or(0));
  rule.users = range_in<std::uint32_t, fib_rule_uid_range>(attributes, FRA_UID_RANGE);
  rule.protocol = attributes.u8(FRA_IP_PROTO).value_or(0);
  rule.source_ports = range_in<std::uint16_t, fib_rule_port_range>(attributes, FRA_SPORT_RANGE);
  rule.destination_ports = range_in<std::uint16_t, fib_rule_port_range>(attributes, FRA_DPORT_RANGE);
}

// Those that kernels have got after these headers are selectors, all of them. A mask of ports is whole where nobody
// gave one.
bool says_more(const Attributes& attributes) {
  constexpr unsigned source_port_mask = FRA_DPORT_RANGE + 4;
  constexpr unsigned destination_port_mask = FRA_DPORT_RANGE + 5;
  for (unsigned type = FRA_DPORT_RANGE + 1; type < FRA_DPORT_RANGE + 16; ++type) {
    const auto attribute = attributes.get(type);
    const bool is_mask = type == source_port_mask || type == destination_port_mask;
    if (attribute && !(is_mask && attribute->number<std::uint16_t>() == 0xffff)) {
      return true;
    }
  }
  return false;
}

// It is sent nowhere, or not let in (engine/packet_view.h).
bool is_refusal(const Error& error) {
  return is_no_route(error) || error.sys_errno == EXDEV;
}

// Which rule decides of a packet, and by which jump it came there; null: none.
struct Decided {
  const PolicyRule* by = nullptr;
  const PolicyRule* jump = nullptr;
};

// `has_route`: of a rule that leads into a table, whether a route is found there.
Decided decide(const std::vector<PolicyRule>& rules, const RoutedPacket& packet,
               const std::function<bool(const PolicyRule&)>& has_route) {
  Decided decided;
  for (auto rule = rules.begin(); rule != rules.end();) {
    const PolicyRule& one = *rule++;
    if (!is_for(one, packet) || one.action == RuleAction::nothing) {
      continue;
    }
    if (one.action == RuleAction::jump) {
      const auto target =
          std::find_if(rule, rules.end(), [&one](const PolicyRule& other) { return other.priority == one.target; });
      decided.jump = target == rules.end() || decided.jump != nullptr ? decided.jump : &one;
      rule = target == rules.end() ? rule : target;
    } else if (one.action != RuleAction::table || has_route(one)) {
      decided.by = &one;
      return decided;
    }
  }
  return decided;
}

bool is_ignored(const PolicyRule& rule, const RouteEntry& route) {
  return rule.ignored_length && route.destination.length() <= *rule.ignored_length;
}

// The longest route of a table to an address. Reads the table: only for what the kernel's answer leaves open.
Result<std::optional<RouteEntry>> longest_route(Socket& socket, std::uint32_t table, Address destination) {
  std::optional<RouteEntry> best;
  auto done = walk_routes(socket, {table, 0}, [&best, destination](const RouteEntry& route) {
    const bool better = !best || route.destination.length() > best->destination.length() ||
                        (route.destination.length() == best->destination.length() && route.metric < best->metric);
    if (route.tos == 0 && route.destination.contains(destination) && better) {
      best = route;
    }
    return true;
  });
  return done ? Result(best) : std::move(done).error();
}

// What is asked about one fan.
class RuleSearch {
public:
  RuleSearch(Socket& socket, const Fan& fan, const std::vector<PolicyRule>& rules, const std::vector<Link>& links)
      : socket_(socket), fan_(fan), rules_(rules), links_(links) {}

  Result<std::vector<MisleadingRule>> run() {
    for (PolicyProbe& probe : policy_probes(fan_, rules_)) {
      if (Result<void> asked = ask(std::move(probe)); !asked) {
        return std::move(asked).error();
      }
    }
    return std::move(found_);
  }

private:
  [[nodiscard]] const LinkFact* link(const std::string& name) const {
    const auto at =
        std::find_if(links_.begin(), links_.end(), [&name](const Link& one) { return one.fact.name == name; });
    return at == links_.end() ? nullptr : &at->fact;
  }

  [[nodiscard]] bool is_in_vrf(const LinkFact& one) const {
    const Link* master = link_of(links_, one.master);
    return master != nullptr && master->fact.kind == "vrf";
  }

  Result<void> ask(PolicyProbe probe) {
    const LinkFact* in = probe.packet.in_device.empty() ? nullptr : link(probe.packet.in_device);
    const LinkFact* out = link(probe.device);
    if (out == nullptr || (in == nullptr && !probe.packet.in_device.empty())) {
      return {}; // it is gone, and other checks say so
    }
    probe.packet.in_vrf = in != nullptr && is_in_vrf(*in);
    const auto answer = stored_route(socket_, {probe.packet.packet, probe.packet.in_device, probe.packet.mark});
    if (!answer && !is_refusal(answer.error())) {
      return answer.error();
    }
    const std::optional<RouteEntry> used = answer ? *answer : std::nullopt;
    if (used && (used->ifindex == out->ifindex || used->table == main_table || used->table == RT_TABLE_LOCAL ||
                 is_inside(used->destination))) {
      return {};
    }
    return used ? blame(std::move(probe), *out, *used) : blame_refusal(std::move(probe), *out);
  }

  // The check of routes tells of these.
  [[nodiscard]] bool is_inside(const Prefix& destination) const { return fan_.mapping.overlay().contains(destination); }

  Result<void> blame(PolicyProbe probe, const LinkFact& out, const RouteEntry& used) {
    const Decided decided = decide(rules_, probe.packet, [&used](const PolicyRule& rule) {
      return !is_ignored(rule, used) && (rule.vrf || rule.table == used.table);
    });
    const PolicyRule* rule = decided.jump != nullptr ? decided.jump : decided.by;
    return rule == nullptr ? Result<void>() : add(rule, std::move(probe), out, text_of(used, links_));
  }

  // The kernel gives an errno, which several rules may have meant, or a route, or something that is none of ours. Here
  // the tables are read.
  Result<void> blame_refusal(PolicyProbe probe, const LinkFact& out) {
    std::optional<Error> failed;
    std::optional<RouteEntry> used;
    const Decided decided = decide(rules_, probe.packet, [&](const PolicyRule& rule) {
      if (rule.vrf || rule.table == RT_TABLE_LOCAL) {
        return rule.vrf;
      }
      auto route = longest_route(socket_, rule.table, probe.packet.packet.destination);
      if (!route) {
        failed = route.error();
        return true;
      }
      used = std::move(route).value();
      return used && used->type != RTN_THROW && !is_ignored(rule, *used);
    });
    if (failed) {
      return *failed;
    }
    const bool by_table = decided.by != nullptr && decided.by->action == RuleAction::table && !decided.by->vrf;
    if (by_table && (decided.by->table == main_table || (used && is_inside(used->destination)))) {
      return {};
    }
    const bool leads_to_main = std::any_of(rules_.begin(), rules_.end(), [&probe](const PolicyRule& rule) {
      return rule.action == RuleAction::table && rule.table == main_table && is_for(rule, probe.packet);
    });
    const PolicyRule* rule = decided.jump != nullptr ? decided.jump : decided.by;
    const bool leads_on = by_table && used && used->type == RTN_UNICAST;
    if (rule == nullptr && leads_to_main) {
      return {};
    }
    return add(rule, std::move(probe), out, leads_on ? text_of(*used, links_) : "");
  }

  // Not for what it would be no help to take away: table main has to have the right way.
  Result<void> add(const PolicyRule* rule, PolicyProbe probe, const LinkFact& out, std::string way) {
    const bool is_outer = probe.bound == Bound::underlay;
    const auto known = std::find_if(found_.begin(), found_.end(), [&](const MisleadingRule& one) {
      const bool same = one.rule.has_value() == (rule != nullptr) && (rule == nullptr || *one.rule == *rule);
      return same && (one.packets.front().probe.bound == Bound::underlay) == is_outer;
    });
    if (known == found_.end() ? found_.size() == misleading_at_most
                              : std::any_of(known->packets.begin(), known->packets.end(),
                                            [&](const MisledPacket& p) { return p.probe.bound == probe.bound; })) {
      return {};
    }
    const auto by_main = longest_route(socket_, main_table, probe.packet.packet.destination);
    if (!by_main || !*by_main || (*by_main)->ifindex != out.ifindex) {
      return by_main ? Result<void>() : by_main.error();
    }
    MisledPacket packet{std::move(probe), std::move(way)};
    if (known != found_.end()) {
      known->packets.push_back(std::move(packet));
    } else {
      found_.push_back({rule == nullptr ? std::nullopt : std::optional(*rule),
                        rule == nullptr ? "" : deletion_of(*rule, rules_),
                        {std::move(packet)}});
    }
    return {};
  }

  Socket& socket_;
  const Fan& fan_;
  const std::vector<PolicyRule>& rules_;
  const std::vector<Link>& links_;
  std::vector<MisleadingRule> found_;
};

bool is_for_all(const PolicyRule& rule, std::uint32_t table) {
  PolicyRule plain;
  plain.priority = rule.priority;
  plain.action = RuleAction::table;
  plain.table = table;
  return rule == plain;
}

// As every network namespace begins: what is not this host's own is looked for in table main first.
bool are_plain(const std::vector<PolicyRule>& rules) {
  const auto main =
      std::find_if(rules.begin(), rules.end(), [](const PolicyRule& rule) { return is_for_all(rule, main_table); });
  return main != rules.end() &&
         std::all_of(rules.begin(), main, [](const PolicyRule& rule) { return is_for_all(rule, RT_TABLE_LOCAL); });
}

} // namespace

std::optional<PolicyRule> parse_rule(const nlmsghdr& message) {
  const auto* header = header_of<fib_rule_hdr>(message);
  if (message.nlmsg_type != RTM_NEWRULE || header == nullptr || header->family != AF_INET || header->src_len > 32 ||
      header->dst_len > 32) {
    return std::nullopt;
  }
  const Attributes attributes = Attributes::of(message, sizeof(fib_rule_hdr));
  PolicyRule rule;
  rule.priority = attributes.u32(FRA_PRIORITY).value_or(0);
  rule.inverted = (header->flags & FIB_RULE_INVERT) != 0;
  rule.source = Prefix::of(attributes.v4(FRA_SRC).value_or(Address()), header->src_len);
  rule.destination = Prefix::of(attributes.v4(FRA_DST).value_or(Address()), header->dst_len);
  rule.tos = header->tos;
  read_selectors(rule, attributes);
  rule.action = action_of(header->action);
  rule.table = rule.action == RuleAction::table && !rule.vrf ? attributes.u32(FRA_TABLE).value_or(header->table) : 0;
  rule.target = attributes.u32(FRA_GOTO).value_or(0);
  rule.ignored_length = unless_nothing(attributes.u32(FRA_SUPPRESS_PREFIXLEN));
  rule.ignored_devices = unless_nothing(attributes.u32(FRA_SUPPRESS_IFGROUP));
  rule.understood = !says_more(attributes);
  return rule;
}

Result<std::vector<PolicyRule>> list_rules(Socket& socket) {
  Message message(RTM_GETRULE, NLM_F_DUMP);
  fib_rule_hdr header{};
  header.family = AF_INET;
  message.header(header);
  auto rules = collect<PolicyRule>(socket, message, parse_rule);
  return rules ? std::move(rules) : std::move(rules).error().within("list the rules of routing");
}

Result<std::vector<std::vector<MisleadingRule>>> misleading_rules(Socket& socket, std::span<const Fan> fans) {
  const auto rules = list_rules(socket);
  if (!rules) {
    return rules.error();
  }
  std::vector<std::vector<MisleadingRule>> found(fans.size());
  if (are_plain(*rules)) {
    return found;
  }
  const auto links = list_links(socket);
  if (!links) {
    return links.error();
  }
  for (std::size_t n = 0; n < fans.size(); ++n) {
    auto of_fan = RuleSearch(socket, fans[n], *rules, *links).run();
    if (!of_fan) {
      return std::move(of_fan).error();
    }
    found[n] = std::move(*of_fan);
  }
  return found;
}

} // namespace fan::netlink
