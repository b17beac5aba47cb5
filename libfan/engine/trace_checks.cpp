// What every packet meets on its way: routes, firewalls, sizes, neighbours, ports.
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "core/firewall_obstacles.h"
#include "core/firewall_walk.h"
#include "core/names.h"
#include "core/policy_rule.h"
#include "engine/trace_walk.h"

namespace fan {
namespace {

struct Refusal {
  const char* reason;
  const char* text;
};

// What the kernel means by the errno of a route lookup (net/ipv4/route.c, net/ipv4/fib_frontend.c). Newer kernels say
// EINVAL of what rp_filter refuses, too; then only this host's own addresses are what cannot come in.
std::optional<Refusal> refusal_of(int sys_errno, bool comes_in, bool own_source) {
  switch (sys_errno) {
  case EXDEV:
    return Refusal{"rp-filter", "rp_filter refuses the source: the way back to it leads by another device"};
  case EINVAL: // also of a blackhole, as fib_props of net/ipv4/fib_semantics.c has it
    if (!comes_in) {
      return Refusal{"no-route", "a route or a policy rule says blackhole"};
    }
    return own_source ? Refusal{"martian", "the source is this host's own address, and came in by a device"}
                      : refusal_of(EXDEV, comes_in, own_source);
  case ENETUNREACH:
    return Refusal{"no-route", "there is no route, or a policy rule says unreachable"};
  case EHOSTUNREACH:
    return Refusal{"no-route", comes_in ? "there is no route, or forwarding is off on the device that it came in by"
                                        : "a route says unreachable"};
  case EACCES:
    return Refusal{"no-route", "a route or a policy rule says prohibit"};
  default:
    return std::nullopt;
  }
}

firewall::Probe probe_of(firewall::Hook hook, const std::string& in, const std::string& out, const Packet& packet,
                         bool local) {
  firewall::Probe probe;
  probe.hooks = {hook};
  probe.in_device = in;
  probe.out_device = out;
  probe.source = Prefix::of(packet.source, 32);
  probe.destination = Prefix::of(packet.destination, 32);
  probe.protocol = packet.protocol;
  if (packet.protocol == protocol_tcp || packet.protocol == protocol_udp) {
    probe.destination_port = packet.destination_port;
  }
  probe.destination_type = local ? "local" : "unicast";
  return probe;
}

const char* name_of(firewall::Hook hook) {
  constexpr std::array<const char*, 5> names{"prerouting", "input", "forward", "output", "postrouting"};
  return names.at(static_cast<std::size_t>(hook));
}

} // namespace

std::string route_text(const RouteAnswer& route) {
  const std::string to = route.destination.length() == 0 ? "default" : route.destination.str();
  const bool usual = route.table == 0 || route.table == main_table || route.kind != RouteKind::unicast;
  return fmt::format("{}{} dev {}{}", to, route.via ? " via " + route.via->str() : "", route.device,
                     usual ? "" : fmt::format(" table {}", route.table));
}

// The kernel says EINVAL of that as well as of what it refuses to let in. As a packet of this host itself it can only
// be that.
bool TraceWalk::is_blackhole(RouteQuestion question) {
  question.in_device.clear();
  question.packet.source = Address();
  const Result<RouteAnswer> answer = view_.route(question);
  return !answer && answer.error().sys_errno == EINVAL;
}

// Nothing: the kernel refuses, and the trace says so.
Result<std::optional<RouteAnswer>> TraceWalk::route(const RouteQuestion& question) {
  Result<RouteAnswer> answer = view_.route(question);
  if (answer) {
    return std::optional(std::move(answer).value());
  }
  const bool comes_in = !question.in_device.empty() && !is_blackhole(question);
  const auto refusal = refusal_of(answer.error().sys_errno, comes_in, is_local(question.packet.source));
  if (!refusal) {
    return std::move(answer).error();
  }
  refuse({"route", question.in_device,
          fmt::format("{} -> {}: {}", question.packet.source.str(), question.packet.destination.str(), refusal->text),
          Passing::refused, refusal->reason});
  return std::optional<RouteAnswer>();
}

RulesetPacket TraceWalk::for_table(const std::string& in, const std::string& out) const {
  RulesetPacket packet;
  packet.packet = packet_;
  packet.in_device = in;
  packet.in_ours = is_ours(in);
  packet.out_device = out;
  packet.out_ours = is_ours(out);
  packet.source_is_local = is_local(packet_.source);
  return packet;
}

// What a packet meets that has come in by a device, with this mark.
TraceWalk::Step TraceWalk::prerouting(const std::string& device, std::uint32_t mark) {
  RulesetPacket packet = for_table(device, "");
  packet.mark = mark;
  mark_ = mark;
  const Step step = table(firewall::Hook::prerouting, packet);
  return step && *step == Way::on ? firewall(firewall::Hook::prerouting, device, "", packet_) : step;
}

TraceWalk::Step TraceWalk::table(firewall::Hook hook, const RulesetPacket& packet) {
  if (!host_.table_is_ours) {
    return Way::on; // said once, at the beginning
  }
  const RulesetEnd end = walk_ruleset(hook, packet, host_.elements);
  if (!end.not_understood.empty()) {
    return pass({"table", "", "cannot judge the rule: " + end.not_understood, Passing::unknown, ""});
  }
  const std::string place = fmt::format("table inet {} at {}", table_name, name_of(hook));
  if (end.drops) {
    return refuse({"table", packet.in_device, place + " drops it", Passing::refused, "nft-" + end.counter});
  }
  mark_ = end.mark;
  return Way::on;
}

TraceWalk::Step TraceWalk::firewall(firewall::Hook hook, const std::string& in, const std::string& out,
                                    const Packet& packet) {
  const bool local = hook == firewall::Hook::input;
  const auto drop = firewall::certain_drop(host_.filters.tables, probe_of(hook, in, out, packet, local));
  return drop ? refuse({"firewall", in, "another firewall drops it: " + firewall::place_of(*drop), Passing::refused,
                        "firewall"})
              : Way::on;
}

// Ours and everybody else's at one hook.
TraceWalk::Step TraceWalk::filters(firewall::Hook hook, const std::string& in, const std::string& out) {
  Step step = table(hook, for_table(in, out));
  return step && *step == Way::on ? firewall(hook, in, out, packet_) : step;
}

// A frame in other people's tables of family bridge. Behind which port it comes or goes is not asked.
TraceWalk::Step TraceWalk::frame(const std::string& bridge, const std::vector<firewall::Hook>& hooks) {
  firewall::Probe probe = probe_of(hooks.front(), "", "", packet_, false);
  probe.hooks = hooks;
  probe.framed = true;
  probe.bridged = host_.filters.bridged;
  const auto drop = firewall::certain_drop(host_.filters.tables, probe);
  return drop ? refuse({"firewall", bridge, "another firewall drops the frame: " + firewall::place_of(*drop),
                        Passing::refused, "firewall"})
              : Way::on;
}

// What our table makes of the source at postrouting. Other people's translation is not followed: ours comes first.
TraceWalk::Step TraceWalk::translate(const std::string& out) {
  const RulesetEnd end = host_.table_is_ours
                             ? walk_ruleset(firewall::Hook::postrouting, for_table("", out), host_.elements)
                             : RulesetEnd{};
  if (end.masqueraded) {
    return pass({"table", out, "leaves with the address that " + out + " has"});
  }
  if (end.source && *end.source != packet_.source) {
    packet_.source = *end.source;
    return pass({"table", out, "leaves with the source " + end.source->str()});
  }
  return Way::on;
}

TraceWalk::Step TraceWalk::fits(const std::string& device, std::uint32_t mtu, bool learned, const Packet& packet) {
  if (mtu == 0) {
    const LinkFact* link = host_.host.facts.link(device);
    mtu = link == nullptr ? 0 : link->mtu;
  }
  const std::string of = learned ? "the path" : device;
  if (mtu == 0 || packet.size <= mtu) {
    return pass({"mtu", device, fmt::format("{} bytes fit the {} of {}", packet.size, mtu, of)});
  }
  if (packet.dont_fragment) {
    return refuse({"mtu", device,
                   fmt::format("{} bytes do not fit the {} of {}, and may not be fragmented; the sender is told",
                               packet.size, mtu, of),
                   Passing::refused, "too-big"});
  }
  return pass({"mtu", device, fmt::format("{} bytes are fragmented for the {} of {}", packet.size, mtu, of)});
}

TraceWalk::Step TraceWalk::neighbour(const std::string& device, Address address) {
  const Result<NeighbourAnswer> answer = view_.neighbour(device, address);
  if (!answer) {
    return answer.error();
  }
  const std::string who = fmt::format("{} on {}", address.str(), device);
  switch (answer->state) {
  case NeighbourState::resolved:
    return pass({"neighbour", device, who + (answer->mac == Mac() ? "" : " is " + answer->mac.str())});
  case NeighbourState::unanswered:
    return refuse({"neighbour", device, "nobody has answered to ARP for " + who, Passing::refused, "no-neighbour"});
  case NeighbourState::asked:
  case NeighbourState::unknown:
    break;
  }
  return pass(
      {"neighbour", device, who + " is not known yet: the packet waits until ARP has an answer", Passing::unknown, ""});
}

TraceWalk::Step TraceWalk::device(const std::string& name) {
  const LinkFact* link = host_.host.facts.link(name);
  if (link == nullptr || !link->up) {
    return refuse({"route", name, link == nullptr ? "there is no device " + name : name + " is down", Passing::refused,
                   "no-device"});
  }
  return Way::on;
}

} // namespace fan
