#include "engine/trace_walk.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/names.h"

namespace fan {

TraceWalk::TraceWalk(TraceHost host, PacketView& view, const Packet& packet)
    : host_(std::move(host)), view_(view), packet_(packet) {
  trace_.packet = packet;
}

TraceWalk::Way TraceWalk::pass(Hop hop) {
  trace_.hops.push_back(std::move(hop));
  return Way::on;
}

TraceWalk::Way TraceWalk::refuse(Hop hop) {
  const std::string summary = "refused (" + hop.reason + "): " + hop.text;
  trace_.hops.push_back(std::move(hop));
  return end(TraceEnd::refused, summary);
}

TraceWalk::Way TraceWalk::end(TraceEnd end, const std::string& summary) {
  trace_.end = end;
  trace_.summary = summary;
  return Way::ended;
}

const Fan* TraceWalk::fan_of_slice(Address address) const {
  const auto& fans = host_.host.fans;
  const auto fan = std::find_if(fans.begin(), fans.end(), [&](const Fan& f) { return f.slice().contains(address); });
  return fan == fans.end() ? nullptr : &*fan;
}

const Fan* TraceWalk::fan_of_overlay(Address address) const {
  const auto& fans = host_.host.fans;
  const auto fan =
      std::find_if(fans.begin(), fans.end(), [&](const Fan& f) { return f.mapping.overlay().contains(address); });
  return fan == fans.end() ? nullptr : &*fan;
}

const Fan* TraceWalk::fan_of_bridge(const std::string& device) const {
  const auto& fans = host_.host.fans;
  const auto fan =
      std::find_if(fans.begin(), fans.end(), [&](const Fan& f) { return !f.spec.reach && f.bridge == device; });
  return fan == fans.end() ? nullptr : &*fan;
}

// Any of the fans that send by this device: they share it.
const Fan* TraceWalk::fan_of_tunnel(const std::string& device) const {
  const auto& fans = host_.host.fans;
  const auto fan = std::find_if(fans.begin(), fans.end(),
                                [&](const Fan& f) { return tunnel_name(f.spec.encapsulation, f.port()) == device; });
  return fan == fans.end() ? nullptr : &*fan;
}

const Registration* TraceWalk::routed(Address address) const {
  const Facts& facts = host_.host.facts;
  const auto endpoint = facts.registry.endpoints.find(address);
  if (endpoint == facts.registry.endpoints.end() || facts.registry.routed.count(endpoint->second.port) == 0) {
    return nullptr;
  }
  const LinkFact* link = facts.link(endpoint->second.port); // a bridge's port since: then it is on that bridge
  return link == nullptr || link->master == 0 ? &endpoint->second : nullptr;
}

bool TraceWalk::is_routed_port(const std::string& device) const {
  const Fan* fan = fan_of_slice(packet_.destination);
  return host_.host.facts.registry.routed.count(device) != 0 || (fan != nullptr && !fan->spec.reach);
}

bool TraceWalk::is_local(Address address) const {
  const auto& addresses = host_.host.facts.addresses;
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const AddressFact& fact) { return fact.address == address; });
}

bool TraceWalk::is_ours(const std::string& device) const {
  const LinkFact* link = host_.host.facts.link(device);
  return link != nullptr && link->group == link_group;
}

Result<Trace> TraceWalk::follow() {
  if (!host_.table_is_ours) {
    pass({"table", "",
          fmt::format("table inet {} is not this version's, so its rules are not judged; 'fanctl up' puts it right",
                      table_name),
          Passing::unknown, ""});
  }
  const Fan* slice = fan_of_slice(packet_.source);
  const Fan* former = nullptr;
  for (const Fan& fan : host_.host.fans) {
    for (const Address address : fan.former) {
      former = !fan.spec.reach && fan.slice_of_former(address).contains(packet_.source) ? &fan : former;
    }
  }
  const Fan* overlay = fan_of_overlay(packet_.source);
  const Registration* apart = routed(packet_.source);
  const Step done = is_local(packet_.source)                 ? from_this_host()
                    : apart != nullptr                       ? from_routed_port(*apart)
                    : slice != nullptr && !slice->spec.reach ? from_bridge(*slice, false)
                    : former != nullptr                      ? from_bridge(*former, true)
                    : slice == nullptr && overlay != nullptr ? from_tunnel(*overlay)
                                                             : from_outside();
  return done ? Result<Trace>(std::move(trace_)) : done.error();
}

TraceWalk::Step TraceWalk::from_bridge(const Fan& fan, bool former) {
  pass({"source", fan.bridge,
        fmt::format("{} is an endpoint of this host's {}slice {}", packet_.source.str(), former ? "former " : "",
                    former ? "behind " + fan.bridge : fan.slice().str())});
  if (Step up = device(fan.bridge); !up || *up == Way::ended) {
    return up;
  }
  const bool neighbours = fan.slice().contains(packet_.source) && fan.slice().contains(packet_.destination);
  if (neighbours && !is_local(packet_.destination) && routed(packet_.destination) == nullptr) {
    return within_bridge(fan);
  }
  Step step = neighbours && !is_local(packet_.destination) ? who_has(fan.bridge) : Step(Way::on);
  if (step && *step == Way::on) {
    step = frame(fan.bridge, {firewall::Hook::prerouting, firewall::Hook::input});
  }
  return !step || *step == Way::ended ? step : enter(fan.bridge, 0);
}

TraceWalk::Step TraceWalk::from_this_host() {
  pass({"source", "", packet_.source.str() + " is this host itself"});
  const auto found = route({packet_, "", 0});
  if (!found || !*found) {
    return found ? Step(Way::ended) : found.error();
  }
  const std::string& out = (*found)->device;
  pass({"route", out, route_text(**found)});
  if ((*found)->kind == RouteKind::local) {
    return to_this_host("lo");
  }
  const Step step = filters(firewall::Hook::output, "", out);
  return !step || *step == Way::ended ? step : leave_by(**found, "");
}

TraceWalk::Step TraceWalk::from_outside() {
  Packet back = packet_;
  std::swap(back.source, back.destination);
  back.source = Address();
  const auto found = route({back, "", 0});
  if (!found || !*found) {
    return found ? Step(Way::ended) : found.error();
  }
  pass({"source", (*found)->device,
        fmt::format("{} is in no overlay, and would come by {}", packet_.source.str(), (*found)->device)});
  return enter((*found)->device, 0);
}

// A packet that has come in by a device, with the mark that the programs there have given it.
TraceWalk::Step TraceWalk::enter(const std::string& device, std::uint32_t mark) {
  if (const Fan* fan = fan_of_bridge(device); fan != nullptr && fan->spec.shortcut) {
    return enter_bridge(*fan);
  }
  const Step step = prerouting(device, mark);
  return !step || *step == Way::ended ? step : route_on(device);
}

TraceWalk::Step TraceWalk::route_on(const std::string& in_device) {
  const auto found = route({packet_, in_device, 0});
  if (!found || !*found) {
    return found ? Step(Way::ended) : found.error();
  }
  if ((*found)->kind == RouteKind::local) {
    pass({"route", in_device, packet_.destination.str() + " is this host's own"});
    return to_this_host(in_device);
  }
  pass({"route", (*found)->device, route_text(**found)});
  const Step step = filters(firewall::Hook::forward, in_device, (*found)->device);
  return !step || *step == Way::ended ? step : leave_by(**found, in_device);
}

TraceWalk::Step TraceWalk::to_this_host(const std::string& in_device) {
  const Step step = filters(firewall::Hook::input, in_device, "");
  return !step || *step == Way::ended
             ? step
             : Step(end(TraceEnd::delivered, "delivered to this host's own " + packet_.destination.str()));
}

TraceWalk::Step TraceWalk::leave_by(const RouteAnswer& route, const std::string& in_device) {
  if (Step up = device(route.device); !up || *up == Way::ended) {
    return up;
  }
  const Registration* apart = routed(packet_.destination);
  Step step = apart != nullptr && apart->port != route.device ? astray(*apart, route) : Step(Way::on);
  if (step && *step == Way::on) {
    step = firewall(firewall::Hook::postrouting, in_device, route.device, packet_);
  }
  if (step && *step == Way::on) {
    step = translate(route.device);
  }
  if (!step || *step == Way::ended) {
    return step;
  }
  if (const Fan* fan = fan_of_tunnel(route.device)) {
    return into_tunnel(*fan, route);
  }
  const Fan* fan = fan_of_bridge(route.device);
  return fan != nullptr                 ? to_bridge(*fan, in_device)
         : is_routed_port(route.device) ? to_routed_port(route, in_device)
                                        : to_world(route);
}

TraceWalk::Step TraceWalk::to_world(const RouteAnswer& route) {
  Step step = fits(route.device, route.mtu, route.learned, packet_);
  if (step && *step == Way::on) {
    step = neighbour(route.device, route.via.value_or(packet_.destination));
  }
  return !step || *step == Way::ended ? step
                                      : Step(end(TraceEnd::sent, "sent by " + route.device + ", outside of every fan"));
}

} // namespace fan
