#include "core/policy_rule.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/render.h"

namespace fan {
namespace {

template <class Number>
bool is_in(const std::optional<RuleRange<Number>>& range, Number number) {
  return !range || (number >= range->first && number <= range->last);
}

template <class Number>
std::string text_of_range(const RuleRange<Number>& range) {
  return range.first == range.last ? std::to_string(range.first) : fmt::format("{}-{}", range.first, range.last);
}

std::string text_of_prefix(const Prefix& prefix) {
  return prefix.length() == 0 ? "all" : prefix.length() == 32 ? prefix.network().str() : prefix.str();
}

std::string text_of_table(std::uint32_t table) {
  return table == main_table ? "main" : table == 255 ? "local" : table == 253 ? "default" : std::to_string(table);
}

std::string text_of_action(const PolicyRule& rule) {
  switch (rule.action) {
  case RuleAction::table:
    return rule.vrf ? " l3mdev" : " lookup " + text_of_table(rule.table);
  case RuleAction::jump:
    return fmt::format(" goto {}", rule.target);
  case RuleAction::nothing:
    return " nop";
  case RuleAction::blackhole:
    return " blackhole";
  case RuleAction::unreachable:
    return " unreachable";
  case RuleAction::prohibit:
    return " prohibit";
  }
  return "";
}

// Whom it is for, in the words that `ip rule add` takes.
std::string text_of_selectors(const PolicyRule& rule) {
  std::string text = rule.inverted ? "not from " : "from ";
  text += text_of_prefix(rule.source);
  if (rule.destination.length() != 0) {
    text += " to " + text_of_prefix(rule.destination);
  }
  if (rule.tos != 0) {
    text += fmt::format(" tos {:#x}", rule.tos);
  }
  if (rule.mark_mask == ~0U) {
    text += fmt::format(" fwmark {:#x}", rule.mark);
  } else if (rule.mark_mask != 0) {
    text += fmt::format(" fwmark {:#x}/{:#x}", rule.mark, rule.mark_mask);
  }
  if (!rule.in_device.empty()) {
    text += " iif " + shell_word(rule.in_device);
  }
  if (!rule.out_device.empty()) {
    text += " oif " + shell_word(rule.out_device);
  }
  if (rule.tunnel_id != 0) {
    text += fmt::format(" tun_id {}", rule.tunnel_id);
  }
  if (rule.users) {
    text += fmt::format(" uidrange {}-{}", rule.users->first, rule.users->last);
  }
  if (rule.protocol != 0) {
    text += " ipproto " + protocol_name(rule.protocol);
  }
  if (rule.source_ports) {
    text += " sport " + text_of_range(*rule.source_ports);
  }
  if (rule.destination_ports) {
    text += " dport " + text_of_range(*rule.destination_ports);
  }
  return text;
}

std::string text_after_priority(const PolicyRule& rule) {
  std::string text = text_of_selectors(rule) + text_of_action(rule);
  if (rule.ignored_length) {
    text += fmt::format(" suppress_prefixlength {}", *rule.ignored_length);
  }
  if (rule.ignored_devices) {
    text += fmt::format(" suppress_ifgroup {}", *rule.ignored_devices);
  }
  return text;
}

// Whether the kernel takes `other` for the rule that a deletion names by what `rule` says: of what is not said,
// anything will do, and "not" does not count (net/core/fib_rules.c, rule_find).
bool is_named_by(const PolicyRule& other, const PolicyRule& rule) {
  const auto same = [](const auto& said, const auto& there) {
    return said == std::decay_t<decltype(said)>() || said == there;
  };
  return other.priority == rule.priority && other.action == rule.action && same(rule.source, other.source) &&
         same(rule.destination, other.destination) && same(rule.tos, other.tos) && same(rule.mark, other.mark) &&
         same(rule.mark_mask, other.mark_mask) && same(rule.in_device, other.in_device) &&
         same(rule.out_device, other.out_device) && same(rule.vrf, other.vrf) &&
         same(rule.tunnel_id, other.tunnel_id) && same(rule.users, other.users) &&
         same(rule.protocol, other.protocol) && same(rule.source_ports, other.source_ports) &&
         same(rule.destination_ports, other.destination_ports) && same(rule.table, other.table) &&
         same(rule.ignored_length, other.ignored_length) && same(rule.ignored_devices, other.ignored_devices);
}

} // namespace

// As fib_rule_match of net/core/fib_rules.c and fib4_rule_match have it.
bool is_for(const PolicyRule& rule, const RoutedPacket& routed) {
  const Packet& packet = routed.packet;
  const std::string in = routed.in_device.empty() ? "lo" : routed.in_device;
  const bool fits = (rule.in_device.empty() || rule.in_device == in) && rule.out_device.empty() &&
                    ((rule.mark ^ routed.mark) & rule.mark_mask) == 0 && rule.tunnel_id == 0 &&
                    (!rule.vrf || routed.in_vrf) && is_in(rule.users, std::uint32_t{0}) &&
                    rule.source.contains(packet.source) && rule.destination.contains(packet.destination) &&
                    rule.tos == 0 && (rule.protocol == 0 || rule.protocol == packet.protocol) &&
                    is_in(rule.source_ports, packet.source_port) &&
                    is_in(rule.destination_ports, packet.destination_port);
  return fits != rule.inverted;
}

std::string text_of(const PolicyRule& rule) {
  return fmt::format("{}: {}", rule.priority, text_after_priority(rule));
}

std::string deletion_of(const PolicyRule& rule, const std::vector<PolicyRule>& all) {
  const auto first =
      std::find_if(all.begin(), all.end(), [&](const PolicyRule& other) { return is_named_by(other, rule); });
  const bool is_sure = rule.understood && first != all.end() && *first == rule;
  return is_sure ? fmt::format("ip rule del priority {} {}", rule.priority, text_after_priority(rule)) : "";
}

} // namespace fan
