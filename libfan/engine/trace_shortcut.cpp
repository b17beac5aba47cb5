// Past the host's own forwarding (bpf/shortcut.h). Whether a packet takes that way its program says; why it does not,
// the program keeps to itself, so the reason is worked out beside it and is for people only.
#include <fmt/format.h>

#include "engine/trace_walk.h"

namespace fan {
namespace {

// An address that is a single endpoint's of the fan's overlay, on any host.
bool is_endpoint_of(const Fan& fan, Address address) {
  if (!fan.mapping.overlay().contains(address)) {
    return false;
  }
  const Prefix slice = Prefix::of(address, fan.slice().length());
  const std::uint32_t number = address.v4() - slice.network().v4();
  return number > fan.spec.host_reserve && address != slice.broadcast();
}

} // namespace

// Under br_netfilter the chains at prerouting come before the bridge's program, and without they come after it, to what
// it leaves.
TraceWalk::Step TraceWalk::enter_bridge(const Fan& fan) {
  mark_ = 0;
  if (host_.filters.bridged) {
    if (Step step = prerouting(fan.bridge, mark_); !step || *step == Way::ended) {
      return step;
    }
  }
  const LinkFact* link = host_.host.facts.link(fan.bridge);
  const Mac own = link == nullptr ? Mac() : link->mac;
  const Result<ProgramAnswer> answer = view_.run({"bridge_in", fan.bridge, packet_, std::nullopt, "", mark_, own});
  if (!answer) {
    return answer.error();
  }
  if (!answer->next.empty()) {
    return past_forwarding(fan.bridge, answer->next);
  }
  if (answer->attached) {
    left_to_host(fan, fan.bridge);
  } else {
    pass({"program", fan.bridge,
          "the shortcut's program is not there, so this host forwards; 'fanctl up' puts it back"});
  }
  Step step = host_.filters.bridged ? Step(Way::on) : prerouting(fan.bridge, answer->mark);
  return !step || *step == Way::ended ? step : route_on(fan.bridge);
}

TraceWalk::Step TraceWalk::past_forwarding(const std::string& in_device, const std::string& out) {
  pass({"shortcut", in_device,
        fmt::format("goes straight to {}: past this host's forwarding, and every chain, translation and connection "
                    "tracking there",
                    out)});
  if (const Fan* fan = fan_of_tunnel(out)) {
    RouteAnswer way;
    way.device = out;
    return into_tunnel(*fan, way);
  }
  if (const Fan* fan = fan_of_bridge(out)) {
    return to_bridge(*fan, in_device);
  }
  return refuse({"shortcut", out,
                 out + " is no device of a fan: the programs' rows were altered, and 'fanctl up' puts them right",
                 Passing::refused, "no-device"});
}

void TraceWalk::left_to_host(const Fan& fan, const std::string& in_device) {
  pass({"program", in_device, "takes no shortcut, but goes by this host's forwarding: " + why_not(fan, in_device)});
}

std::string TraceWalk::why_not(const Fan& fan, const std::string& in_device) {
  if (!is_endpoint_of(fan, packet_.source) || !is_endpoint_of(fan, packet_.destination)) {
    return "only what endpoints of one overlay say to each other takes it";
  }
  const bool outwards = in_device == fan.bridge;
  const Result<RouteAnswer> way = view_.route({packet_, in_device, 0});
  if (!way) {
    return "no route leads there, or forwarding is off";
  }
  if (outwards ? fan_of_tunnel(way->device) == nullptr : way->device != fan.bridge) {
    return "the route leads to " + way->device;
  }
  const LinkFact* link = host_.host.facts.link(way->device);
  const std::uint32_t mtu = way->mtu != 0 || link == nullptr ? way->mtu : link->mtu;
  if (mtu != 0 && packet_.size > mtu) {
    return fmt::format("it does not fit the {} of {}", mtu, way->device);
  }
  const Result<NeighbourAnswer> next = view_.neighbour(way->device, packet_.destination);
  if (!outwards && next && next->state != NeighbourState::resolved) {
    return "this host does not know the neighbour yet";
  }
  return "something is out of the ordinary that is not seen from here";
}

} // namespace fan
