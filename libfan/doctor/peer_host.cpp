// What this host itself does with a peer's packets, and who else has the addresses of the two.
#include <utility>

#include <fmt/format.h>

#include "doctor/examination.h"

namespace fan::doctor {
namespace {

// Words that are this host's own doing; what is left may as well be the peer's.
bool is_near(const std::string& reason) {
  return reason != "no-neighbour" && reason != "port-down" && !reason.empty();
}

} // namespace

Result<std::optional<Trace>> Examination::refused_here(Address source, Address destination) const {
  Packet packet;
  packet.source = source;
  packet.destination = destination;
  Result<Trace> traced = trace(view_.provider, view_.packets, packet);
  if (!traced) {
    return std::move(traced).error();
  }
  const bool refused = traced->end == TraceEnd::refused && is_near(traced->hops.back().reason);
  return refused ? std::optional(std::move(*traced)) : std::nullopt;
}

// What this host itself would refuse, in both directions, of the gateways and of endpoints.
Result<bool> Examination::near() {
  const Prefix there = q_.fan.mapping.slice_of(q_.host);
  const Address far_endpoint = q_.endpoint.value_or(there.at(2));
  std::vector<std::pair<Address, Address>> ways{{q_.fan.gateway(), q_.gateway()}, {q_.gateway(), q_.fan.gateway()}};
  if (!q_.fan.spec.reach) {
    ways.insert(ways.end(), {{q_.fan.slice().at(2), far_endpoint}, {far_endpoint, q_.fan.slice().at(2)}});
  }
  for (const auto& [source, destination] : ways) {
    Result<std::optional<Trace>> refused = refused_here(source, destination);
    if (!refused) {
      return std::move(refused).error();
    }
    if (*refused) {
      const Hop& hop = (*refused)->hops.back();
      problem(fmt::format("this host itself refuses packets {} the peer ({})",
                          source == q_.gateway() || source == far_endpoint ? "of" : "to", hop.reason),
              {fmt::format("{} -> {}: {}", source.str(), destination.str(), hop.text)}, "such packets end here",
              fmt::format("see fanctl trace {} {}", source.str(), destination.str()));
      return true;
    }
  }
  return false;
}

// Two machines with one address, each of which gets some of the packets.
Result<bool> Examination::doubles(const std::string& device, Address address, bool own) {
  Result<std::vector<Mac>> owners = view_.prober.owners(device, address);
  if (!owners) {
    return std::move(owners).error();
  }
  if (device == device_ && !own) {
    arp_answered_ = !owners->empty();
  }
  if (owners->size() < (own ? 1U : 2U)) {
    return false;
  }
  std::vector<std::string> seen;
  for (const Mac& mac : *owners) {
    seen.push_back(fmt::format("{} answers to ARP for {} on {}", mac.str(), address.str(), device));
  }
  problem(own ? fmt::format("another machine has this host's address {} too", address.str())
              : fmt::format("{} machines have the peer's address {}", owners->size(), address.str()),
          seen, "each gets some of the packets, and with the address goes the slice",
          "give one of them another address, and see who gives addresses out twice");
  return true;
}

Result<bool> Examination::segment() {
  Packet packet;
  packet.source = q_.fan.host;
  packet.destination = q_.host;
  const Result<RouteAnswer> route = view_.packets.route({packet, "", 0});
  if (!route) {
    problem("this host has no way to the peer", {route.error().message}, "nothing is sent there", "set a route to it");
    return true;
  }
  device_ = route->device;
  on_link_ = !route->via;
  const Result<Facts> facts = view_.provider.facts();
  if (!facts) {
    return facts.error();
  }
  const LinkFact* link = facts->link(device_);
  has_arp_ = link != nullptr && link->mac != Mac(); // WireGuard and its like have none
  Done found = has_arp_ ? doubles(device_, q_.fan.host, true) : Done(false);
  on_link_ = on_link_ && has_arp_;
  if (found && !*found && on_link_) {
    found = doubles(device_, q_.host, false);
  }
  return found && !*found && !q_.fan.spec.reach ? doubles(q_.fan.bridge, q_.fan.gateway(), true) : found;
}

} // namespace fan::doctor
