#include "core/misleading_rule.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/names.h"
#include "core/object.h"
#include "core/render.h"

namespace fan {
namespace {

bool is_about_tunnel_packets(const MisleadingRule& misleading) {
  return misleading.packets.front().probe.bound == Bound::underlay;
}

bool is_nowhere(const MisledPacket& one) {
  return one.way.empty();
}

std::string name_of(Bound bound, const Fan& fan) {
  switch (bound) {
  case Bound::peers:
    return "packets to endpoints of other hosts";
  case Bound::endpoints:
    return fmt::format("packets to endpoints of {}", fan.slice().str());
  case Bound::underlay:
    return "tunnel packets";
  }
  return "";
}

// What no packet but the fan's has. One that is from an endpoint may be for the world.
bool is_for_the_fan_alone(const PolicyRule& rule, const Fan& fan) {
  return !rule.inverted && (fan.mapping.overlay().contains(rule.destination) ||
                            rule.in_device == tunnel_name(fan.spec.encapsulation, fan.port()) ||
                            (rule.mark == tunnel_mark && rule.mark_mask == ~0U));
}

// The line that lets the fan's packets pass by table main before the rule; "" where that is the first one of all.
std::string exception_to(const MisleadingRule& misleading, const Fan& fan) {
  if (misleading.rule->priority == 0) {
    return "";
  }
  const std::string whom = is_about_tunnel_packets(misleading) ? fmt::format("fwmark {:#x}", tunnel_mark)
                                                               : "to " + fan.mapping.overlay().str();
  return fmt::format("ip rule add {} lookup main priority {}", whom, misleading.rule->priority - 1);
}

// That all which this host sends takes another way may be what somebody wants: a VPN.
bool may_be_wanted(const MisleadingRule& misleading, const Fan& fan) {
  return is_about_tunnel_packets(misleading) && !is_nowhere(misleading.packets.front()) &&
         !fan.mapping.underlay().contains(misleading.rule->destination);
}

void advise_on_vrf(const MisleadingRule& misleading, RuleAdvice& advice) {
  const std::string& device = misleading.packets.front().probe.packet.in_device;
  advice.instead = fmt::format("a fan's devices cannot be in a VRF: take it out, by ip link set dev {} nomaster",
                               shell_word(device));
}

void advise(const MisleadingRule& misleading, const Fan& fan, RuleAdvice& advice) {
  if (is_for_the_fan_alone(*misleading.rule, fan) && !misleading.deletion.empty()) {
    advice.consequence += "; whoever made it loses it by this line";
    advice.fix = misleading.deletion;
    return;
  }
  const std::string line = exception_to(misleading, fan);
  if (line.empty()) {
    advice.instead = "give it a higher number than that of table main, or let it leave out the fan's packets";
  } else if (may_be_wanted(misleading, fan)) {
    advice.instead = fmt::format("if the fan's packets are not to go there, let them pass before it: {}", line);
  } else {
    advice.fix = line;
  }
}

} // namespace

RuleAdvice advice_on(const MisleadingRule& misleading, const Fan& fan) {
  RuleAdvice advice;
  std::vector<std::string> kinds;
  for (const MisledPacket& one : misleading.packets) {
    kinds.push_back(name_of(one.probe.bound, fan));
    const RoutedPacket& packet = one.probe.packet;
    const std::string from = packet.packet.source == Address() ? "this host" : packet.packet.source.str();
    const std::string by = packet.in_device.empty() ? "" : " from " + packet.in_device;
    advice.evidence.push_back(fmt::format("{} -> {}{}: {}", from, packet.packet.destination.str(), by,
                                          is_nowhere(one) ? "nowhere" : one.way));
  }
  advice.is_certain = !is_about_tunnel_packets(misleading) || is_nowhere(misleading.packets.front());
  const std::string packets = fmt::format("{}", fmt::join(kinds, " and "));
  advice.consequence = advice.is_certain ? "these packets do not arrive"
                                         : "other hosts may not get these packets, or refuse them as not from this one";
  if (!misleading.rule) {
    advice.what = fmt::format("no policy rule leads {} to table main", packets);
    advice.fix = "ip rule add lookup main priority 32766";
    return advice;
  }
  advice.evidence.insert(advice.evidence.begin(), "rule " + text_of(*misleading.rule));
  const bool refuses = std::all_of(misleading.packets.begin(), misleading.packets.end(), is_nowhere);
  advice.what = refuses ? fmt::format("a policy rule refuses {}", packets)
                        : fmt::format("a policy rule leads {} elsewhere", packets);
  if (misleading.rule->vrf) {
    advise_on_vrf(misleading, advice);
  } else {
    advise(misleading, fan, advice);
  }
  return advice;
}

std::string note_of(const RuleAdvice& advice) {
  return fmt::format("{} ({}): {}", advice.what, fmt::join(advice.evidence, "; "),
                     advice.fix.empty() ? advice.instead : advice.fix);
}

} // namespace fan
