#include "core/policy_probe.h"

#include <optional>

#include "core/names.h"
#include "core/object.h"

namespace fan {
namespace {

// An address of a machine in both networks, and not in `but`. Where that is a part of them, one of their ends will do.
std::optional<Address> common_address(const Prefix& one, const Prefix& other, const Prefix& but) {
  if (!one.overlaps(other)) {
    return std::nullopt;
  }
  const Prefix& both = one.contains(other) ? other : one;
  const std::uint32_t margin = both.length() < 31 ? 1 : 0;
  for (const Address end : {both.at(margin), Address(both.broadcast().v4() - margin)}) {
    if (!but.contains(end)) {
      return end;
    }
  }
  return std::nullopt;
}

RoutedPacket inner(Address source, Address destination, const std::string& in_device) {
  RoutedPacket routed;
  routed.packet.source = source;
  routed.packet.destination = destination;
  routed.packet.protocol = protocol_udp;
  routed.packet.destination_port = routed.packet.source_port;
  routed.in_device = in_device;
  return routed;
}

class Probes {
public:
  explicit Probes(const Fan& fan)
      : fan_(fan), overlay_(fan.mapping.overlay()), slice_(fan.slice()), gateway_(Prefix::of(fan.gateway(), 32)),
        tunnel_(tunnel_name(fan.spec.encapsulation, fan.port())) {}

  // Those from and to these networks that there are.
  void add(const Prefix& source, const Prefix& destination) {
    if (const auto peer = common_address(destination, overlay_, slice_)) {
      add_to_peer(source, *peer);
    }
    const auto endpoint = common_address(destination, slice_, gateway_);
    if (endpoint && !fan_.spec.reach) {
      add_to_endpoint(source, *endpoint);
    }
    if (const auto host = common_address(destination, fan_.mapping.underlay(), Prefix::of(fan_.host, 32))) {
      add_tunnel_packet(*host);
    }
  }

  std::vector<PolicyProbe> take() { return std::move(found_); }

private:
  // A process may leave its address to the kernel, which asks the rules before it has chosen one.
  void add_of_this_host(Bound bound, Address destination, const std::string& device) {
    found_.push_back({bound, inner(Address(), destination, ""), device});
    found_.push_back({bound, inner(fan_.gateway(), destination, ""), device});
  }

  void add_to_peer(const Prefix& source, Address peer) {
    add_of_this_host(Bound::peers, peer, tunnel_);
    if (!fan_.spec.reach) {
      const Address endpoint = common_address(source, slice_, gateway_).value_or(slice_.at(2));
      found_.push_back({Bound::peers, inner(endpoint, peer, fan_.bridge), tunnel_});
    }
  }

  void add_to_endpoint(const Prefix& source, Address endpoint) {
    add_of_this_host(Bound::endpoints, endpoint, fan_.bridge);
    auto peer = common_address(source, overlay_, slice_);
    peer = peer ? peer : common_address(overlay_, overlay_, slice_);
    if (peer) {
      found_.push_back({Bound::endpoints, inner(*peer, endpoint, tunnel_), fan_.bridge});
    }
  }

  void add_tunnel_packet(Address host) {
    RoutedPacket outer;
    outer.packet.source = fan_.host;
    outer.packet.destination = host;
    if (fan_.spec.encapsulation == Encapsulation::vxlan) {
      outer.packet.protocol = protocol_udp;
      outer.packet.destination_port = fan_.port();
    }
    outer.mark = tunnel_mark;
    found_.push_back({Bound::underlay, outer, fan_.device});
  }

  const Fan& fan_;
  const Prefix overlay_;
  const Prefix slice_;
  const Prefix gateway_;
  const std::string tunnel_;
  std::vector<PolicyProbe> found_;
};

} // namespace

std::vector<PolicyProbe> policy_probes(const Fan& fan, const std::vector<PolicyRule>& rules) {
  Probes probes(fan);
  for (const Prefix& network : {fan.mapping.overlay(), fan.mapping.underlay()}) {
    for (const Address half : {network.network(), network.broadcast()}) {
      probes.add(Prefix(), Prefix::of(half, network.length() + 1));
    }
  }
  probes.add(Prefix(), fan.slice());
  for (const PolicyRule& rule : rules) {
    if (rule.source.length() != 0 || rule.destination.length() != 0) {
      probes.add(rule.source, rule.destination);
    }
  }
  return std::move(probes).take();
}

} // namespace fan
