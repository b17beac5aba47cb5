// To and from the endpoints of this host: on a fan's bridge, or behind a device that is no bridge's port.
#include <fmt/format.h>

#include "engine/trace_walk.h"

namespace fan {

TraceWalk::Step TraceWalk::from_routed_port(const Registration& endpoint) {
  const Fan* fan = fan_of_slice(endpoint.address);
  pass({"source", endpoint.port,
        fmt::format("{} is an endpoint of this host's {} behind {}, a routed port", endpoint.address.str(),
                    fan == nullptr ? "former slice" : "slice " + fan->slice().str(), endpoint.port)});
  if (Step up = device(endpoint.port); !up || *up == Way::ended) {
    return up;
  }
  const Registration* other = routed(packet_.destination);
  if (other != nullptr && other->port == endpoint.port) {
    pass({"port", endpoint.port,
          fmt::format("{} is behind {} as well: what they say to each other need not come to this host",
                      other->address.str(), endpoint.port),
          Passing::unknown, ""});
  } else if (fan != nullptr && fan->slice().contains(packet_.destination) && !is_local(packet_.destination)) {
    if (Step asked = who_has(endpoint.port); !asked || *asked == Way::ended) {
      return asked;
    }
  }
  return enter(endpoint.port, 0);
}

TraceWalk::Step TraceWalk::within_bridge(const Fan& fan) {
  Step step = frame(fan.bridge, {firewall::Hook::prerouting, firewall::Hook::forward, firewall::Hook::postrouting});
  if (step && *step == Way::on && host_.filters.bridged) { // br_netfilter
    step = filters(firewall::Hook::forward, fan.bridge, fan.bridge);
  }
  if (step && *step == Way::on) {
    step = port(fan, packet_.destination);
  }
  return !step || *step == Way::ended
             ? step
             : Step(end(TraceEnd::delivered, "delivered on " + fan.bridge + ", from port to port"));
}

TraceWalk::Step TraceWalk::to_bridge(const Fan& fan, const std::string& in_device) {
  Step step = fits(fan.bridge, 0, false, packet_);
  if (step && *step == Way::on) {
    step = guard(fan.bridge, in_device);
  }
  if (step && *step == Way::on) {
    step = neighbour(fan.bridge, packet_.destination);
  }
  if (step && *step == Way::on) {
    step = frame(fan.bridge, {firewall::Hook::output, firewall::Hook::postrouting});
  }
  if (step && *step == Way::on) {
    step = port(fan, packet_.destination);
  }
  return !step || *step == Way::ended ? step : Step(end(TraceEnd::delivered, "delivered on " + fan.bridge));
}

// To an endpoint, or to a network that the host routes to behind one.
TraceWalk::Step TraceWalk::to_routed_port(const RouteAnswer& route, const std::string& in_device) {
  if (host_.host.facts.registry.routed.count(route.device) == 0) {
    pass({"port", route.device,
          fmt::format("no endpoint is registered behind {}: fanctl endpoint add --routed", route.device),
          Passing::unknown, ""});
  }
  Step step = fits(route.device, route.mtu, route.learned, packet_);
  if (step && *step == Way::on) {
    step = guard(route.device, in_device);
  }
  if (step && *step == Way::on) {
    step = next_hop(route.device, route.via.value_or(packet_.destination));
  }
  return !step || *step == Way::ended
             ? step
             : Step(end(TraceEnd::delivered, "delivered by " + route.device + ", to no bridge"));
}

// An endpoint takes who is of its slice for somebody on its own link, and asks by ARP. For those on another link the
// host answers (net/ipv4/arp.c, arp_fwd_proxy).
TraceWalk::Step TraceWalk::who_has(const std::string& device) {
  const std::string whom = packet_.destination.str();
  if (const Registration* wanted = routed(packet_.destination)) {
    if (Step up = this->device(wanted->port); !up || *up == Way::ended) {
      return up;
    }
  }
  const std::string nobody = fmt::format("nobody answers ARP for {} on {}: ", whom, device);
  const Result<RouteAnswer> way = view_.route({packet_, device, 0});
  if (way && way->device == device) {
    return refuse({"route", device, nobody + "this host's route to it leads back there; 'fanctl up' puts it right",
                   Passing::refused, "no-route"});
  }
  if (host_.proxies.count(device) == 0) {
    return refuse({"neighbour", device, nobody + "proxy ARP is off; 'fanctl up' switches it on", Passing::refused,
                   "no-neighbour"});
  }
  return pass({"neighbour", device, fmt::format("this host answers ARP for {} (proxy ARP)", whom)});
}

// The route to a routed endpoint leads elsewhere. On a bridge nobody answers for it, unless somebody else has its
// address.
TraceWalk::Step TraceWalk::astray(const Registration& endpoint, const RouteAnswer& route) {
  if (Step up = device(endpoint.port); !up || *up == Way::ended) {
    return up;
  }
  const Result<NeighbourAnswer> other = view_.neighbour(route.device, endpoint.address);
  if (!other) {
    return other.error();
  }
  const std::string text = fmt::format("{} is registered behind {}, and no route leads there; 'fanctl up' puts it back",
                                       endpoint.address.str(), endpoint.port);
  return fan_of_bridge(route.device) != nullptr && other->state != NeighbourState::resolved
             ? refuse({"route", route.device, text, Passing::refused, "no-route"})
             : pass({"route", route.device, text, Passing::unknown, ""});
}

TraceWalk::Step TraceWalk::guard(const std::string& device, const std::string& in_device) {
  const Result<ProgramAnswer> answer = view_.run({"bridge_out", device, packet_, std::nullopt, in_device, 0, {}});
  if (!answer) {
    return answer.error();
  }
  if (!answer->attached) {
    return pass({"program", device, "our guard is not there, so it keeps nothing back; 'fanctl up' puts it back"});
  }
  if (!answer->passed) {
    return refuse({"program", device, answer->meaning, Passing::refused, answer->reason});
  }
  const bool is_bridge = fan_of_bridge(device) != nullptr;
  return pass({"program", device, is_bridge ? "the bridge's guard lets it pass" : "the port's guard lets it pass"});
}

// Behind a routed port, where the neighbour is permanent: another one than was registered is somebody's doing.
TraceWalk::Step TraceWalk::next_hop(const std::string& device, Address address) {
  Step step = neighbour(device, address);
  const Registration* endpoint = routed(address);
  if (!step || *step == Way::ended || endpoint == nullptr) {
    return step;
  }
  const Result<NeighbourAnswer> answer = view_.neighbour(device, address);
  if (!answer) {
    return answer.error();
  }
  return answer->state != NeighbourState::resolved || answer->mac == endpoint->mac
             ? step
             : pass({"neighbour", device,
                     fmt::format("{} is registered as {}; 'fanctl up' puts it right", address.str(),
                                 endpoint->mac.str()),
                     Passing::unknown, ""});
}

// Behind which port of the bridge, and whether that takes a packet of this size: a bridge drops a longer one silently.
TraceWalk::Step TraceWalk::port(const Fan& fan, Address address) {
  const Result<NeighbourAnswer> answer = view_.neighbour(fan.bridge, address);
  if (!answer) {
    return answer.error();
  }
  if (answer->mac == Mac()) {
    return pass({"port", fan.bridge, address.str() + " has not been seen of late, so its port is not known",
                 Passing::unknown, ""});
  }
  const Result<std::string> name = view_.port_of(fan.bridge, answer->mac);
  if (!name) {
    return name.error();
  }
  const LinkFact* link = host_.host.facts.link(*name);
  if (link == nullptr) {
    return pass({"port", fan.bridge, "the bridge does not know the port of " + address.str() + ": all of them get it",
                 Passing::unknown, ""});
  }
  if (!link->up) {
    return refuse({"port", *name, "the port is down", Passing::refused, "port-down"});
  }
  if (packet_.size > link->mtu) {
    return refuse({"port", *name,
                   fmt::format("{} bytes do not fit the port's {}, and a bridge tells nobody", packet_.size, link->mtu),
                   Passing::refused, "too-big"});
  }
  return pass({"port", *name, fmt::format("port of {}", fan.bridge)});
}

} // namespace fan
