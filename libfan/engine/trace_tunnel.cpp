// In and out of a tunnel: the only steps at which our programs decide.
#include <algorithm>

#include <fmt/format.h>

#include "core/encapsulation.h"
#include "core/names.h"
#include "core/ruleset.h"
#include "engine/trace_walk.h"

namespace fan {
namespace {

std::string program_name(const char* way, const Fan& fan) {
  return std::string("tunnel_") + way + "_" + std::string(name_of(fan.spec.encapsulation));
}

// The tunnel packet, as the underlay sees it.
Packet carrying(const Packet& inner, const Fan& fan, const Outer& outer) {
  Packet packet;
  const bool is_vxlan = fan.spec.encapsulation == Encapsulation::vxlan;
  packet.source = outer.source;
  packet.destination = outer.destination;
  packet.protocol = is_vxlan ? protocol_udp : protocol_ipip;
  packet.destination_port = is_vxlan ? fan.port() : 0;
  packet.size = inner.size + overhead_of(fan.spec.encapsulation);
  packet.dont_fragment = inner.dont_fragment;
  return packet;
}

std::string outer_text(const Fan& fan, const Outer& outer) {
  const std::string carried = fan.spec.encapsulation == Encapsulation::vxlan
                                  ? fmt::format("UDP port {} vni {}", fan.port(), outer.vni)
                                  : std::string("protocol 4");
  return fmt::format("{} -> {} {} ttl {}", outer.source.str(), outer.destination.str(), carried, outer.ttl);
}

} // namespace

// As a peer of the same configuration would have sent it: the form is that of the destination's fan.
TraceWalk::Step TraceWalk::from_tunnel(const Fan& fan) {
  const Address peer = fan.mapping.host_of(packet_.source);
  const Fan* target = fan_of_slice(packet_.destination);
  const Fan& receiver = target != nullptr ? *target : fan;
  const bool is_vxlan = receiver.spec.encapsulation == Encapsulation::vxlan;
  const Outer outer{peer, receiver.host, is_vxlan ? receiver.vni() : 0, 255};
  const std::string tunnel = tunnel_name(receiver.spec.encapsulation, receiver.port());
  pass({"source", receiver.device, fmt::format("{} is an endpoint of host {}", packet_.source.str(), peer.str())});
  pass({"outer", receiver.device, outer_text(receiver, outer), Passing::passes, "", outer});
  RulesetPacket arriving = for_table(receiver.device, "");
  arriving.packet = carrying(packet_, receiver, outer);
  Step step = table(firewall::Hook::prerouting, arriving);
  if (step && *step == Way::on) {
    step = firewall(firewall::Hook::prerouting, receiver.device, "", arriving.packet);
  }
  if (!step || *step == Way::ended) {
    return step;
  }
  const auto found = route({arriving.packet, receiver.device, 0});
  if (!found || !*found) {
    return found ? Step(Way::ended) : found.error();
  }
  if ((*found)->kind != RouteKind::local) {
    return refuse({"route", receiver.device, outer.destination.str() + " is no address of this host any more",
                   Passing::refused, "no-address"});
  }
  step = table(firewall::Hook::input, arriving);
  if (step && *step == Way::on) {
    step = firewall(firewall::Hook::input, receiver.device, "", arriving.packet);
  }
  if (step && *step == Way::on) {
    step = device(tunnel);
  }
  if (!step || *step == Way::ended) {
    return step;
  }
  const Result<ProgramAnswer> answer = view_.run({program_name("in", receiver), tunnel, packet_, outer, "", 0, {}});
  if (!answer) {
    return answer.error();
  }
  if (!answer->passed) {
    return refuse({"program", tunnel, answer->meaning, Passing::refused, answer->reason});
  }
  pass({"program", tunnel, fmt::format("{} ({})", answer->meaning, answer->reason)});
  if (!answer->next.empty()) {
    return past_forwarding(tunnel, answer->next);
  }
  if (target != nullptr && target->spec.shortcut && !target->spec.reach) {
    left_to_host(*target, tunnel);
  }
  return enter(tunnel, checked_mark);
}

TraceWalk::Step TraceWalk::into_tunnel(const Fan& fan, const RouteAnswer& route) {
  // The route's own MTU is the kernel's to judge; what the path has is the program's.
  Step step = fits(route.device, route.mtu, false, packet_);
  if (!step || *step == Way::ended) {
    return step;
  }
  if (route.mtu != 0) { // of what is fragmented the first and longest piece is followed
    packet_.size = std::min(packet_.size, route.mtu);
  }
  const Result<ProgramAnswer> answer =
      view_.run({program_name("out", fan), route.device, packet_, std::nullopt, "", 0, {}});
  if (!answer) {
    return answer.error();
  }
  if (!answer->passed) {
    const std::string told = answer->mtu != 0 ? fmt::format(": the sender is told {}", answer->mtu) : "";
    return refuse({"program", route.device, answer->meaning + told, Passing::refused, answer->reason});
  }
  pass({"program", route.device, fmt::format("{} ({})", answer->meaning, answer->reason)});
  return answer->outer ? on_the_underlay(fan, *answer)
                       : Step(refuse({"program", route.device, "the program has set no outer header", Passing::refused,
                                      "out-key"}));
}

TraceWalk::Step TraceWalk::on_the_underlay(const Fan& fan, const ProgramAnswer& sent) {
  const Outer& outer = *sent.outer;
  pass({"outer", "", outer_text(fan, outer), Passing::passes, "", outer});
  const Fan* mapping = fan_of_overlay(packet_.destination);
  if (mapping == nullptr || mapping->mapping.host_of(packet_.destination) != outer.destination) {
    pass({"program", "",
          "the fans of this host would have it elsewhere: the programs' rows were altered; 'fanctl up' puts them right",
          Passing::unknown, ""});
  }
  const Packet packet = carrying(packet_, fan, outer);
  const auto found = route({packet, "", tunnel_mark});
  if (!found || !*found) {
    return found ? Step(Way::ended) : found.error();
  }
  const std::string& out = (*found)->device;
  pass({"route", out, route_text(**found)});
  if ((*found)->kind != RouteKind::unicast) {
    return refuse(
        {"route", out, outer.destination.str() + " is no other machine's address", Passing::refused, "no-route"});
  }
  RulesetPacket leaving = for_table("", out);
  leaving.packet = packet;
  leaving.mark = tunnel_mark;
  Step step = table(firewall::Hook::output, leaving);
  if (step && *step == Way::on) {
    step = firewall(firewall::Hook::output, "", out, packet);
  }
  if (step && *step == Way::on) {
    step = firewall(firewall::Hook::postrouting, "", out, packet);
  }
  if (step && *step == Way::on) {
    step = device(out);
  }
  if (step && *step == Way::on) {
    step = fits(out, (*found)->mtu, (*found)->learned, packet);
  }
  if (step && *step == Way::on) {
    step = neighbour(out, (*found)->via.value_or(outer.destination));
  }
  return !step || *step == Way::ended
             ? step
             : Step(end(TraceEnd::sent, fmt::format("sent to host {} by {}", outer.destination.str(), out)));
}

} // namespace fan
