// One packet on its way (engine/trace.h). The steps are in trace_walk.cpp (where it begins and is routed),
// trace_tunnel.cpp (in and out of a tunnel), trace_ports.cpp (to and from endpoints of this host), trace_shortcut.cpp
// (past the host's forwarding) and trace_checks.cpp (what every packet meets).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/fan.h"
#include "core/firewall_rules.h"
#include "core/ruleset_walk.h"
#include "core/trace.h"
#include "engine/host.h"
#include "engine/packet_view.h"

namespace fan {

// What was seen of the host when the walk began.
struct TraceHost {
  Host host;
  std::vector<SetElement> elements;
  bool table_is_ours = false; // the table is there, and is this version's to the word
  firewall::Filters filters;
  std::set<std::string> proxies; // devices on which the host answers ARP for whom it routes to by another one
};

class TraceWalk {
public:
  TraceWalk(TraceHost host, PacketView& view, const Packet& packet);
  Result<Trace> follow();

private:
  // Where a step leads: on, or to the end, which it has then written down.
  enum class Way { on, ended };
  using Step = Result<Way>;

  // trace_walk.cpp
  Step from_bridge(const Fan& fan, bool former);
  Step from_this_host();
  Step from_outside();
  Step enter(const std::string& device, std::uint32_t mark); // prerouting and what follows
  Step route_on(const std::string& in_device);
  Step leave_by(const RouteAnswer& route, const std::string& in_device);
  Step to_this_host(const std::string& in_device);
  Step to_world(const RouteAnswer& route);

  // trace_ports.cpp
  Step from_routed_port(const Registration& endpoint);
  Step within_bridge(const Fan& fan);
  Step to_bridge(const Fan& fan, const std::string& in_device);
  Step to_routed_port(const RouteAnswer& route, const std::string& in_device);
  Step who_has(const std::string& device);
  Step astray(const Registration& endpoint, const RouteAnswer& route);
  Step guard(const std::string& device, const std::string& in_device);
  Step next_hop(const std::string& device, Address address);
  Step port(const Fan& fan, Address address);

  // trace_tunnel.cpp
  Step from_tunnel(const Fan& fan);
  Step into_tunnel(const Fan& fan, const RouteAnswer& route);
  Step on_the_underlay(const Fan& fan, const ProgramAnswer& sent);

  // trace_shortcut.cpp
  Step enter_bridge(const Fan& fan);
  Step past_forwarding(const std::string& in_device, const std::string& out);
  void left_to_host(const Fan& fan, const std::string& in_device);
  std::string why_not(const Fan& fan, const std::string& in_device);

  // trace_checks.cpp
  Result<std::optional<RouteAnswer>> route(const RouteQuestion& question);
  bool is_blackhole(RouteQuestion question);
  Step prerouting(const std::string& device, std::uint32_t mark);
  Step table(firewall::Hook hook, const RulesetPacket& packet);
  Step firewall(firewall::Hook hook, const std::string& in, const std::string& out, const Packet& packet);
  Step filters(firewall::Hook hook, const std::string& in, const std::string& out);
  Step frame(const std::string& bridge, const std::vector<firewall::Hook>& hooks);
  Step translate(const std::string& out);
  Step fits(const std::string& device, std::uint32_t mtu, bool learned, const Packet& packet);
  Step neighbour(const std::string& device, Address address);
  Step device(const std::string& name);

  [[nodiscard]] const Fan* fan_of_slice(Address address) const;
  [[nodiscard]] const Fan* fan_of_overlay(Address address) const;
  [[nodiscard]] const Fan* fan_of_bridge(const std::string& device) const;
  [[nodiscard]] const Fan* fan_of_tunnel(const std::string& device) const;
  // The endpoint, where it is registered behind a device that is no port of a bridge.
  [[nodiscard]] const Registration* routed(Address address) const;
  // Whether packets that leave by this device are for routed endpoints, or ought to be.
  [[nodiscard]] bool is_routed_port(const std::string& device) const;
  [[nodiscard]] bool is_local(Address address) const;
  [[nodiscard]] bool is_ours(const std::string& device) const;
  [[nodiscard]] RulesetPacket for_table(const std::string& in, const std::string& out) const;

  Way pass(Hop hop);
  Way refuse(Hop hop);
  Way end(TraceEnd end, const std::string& summary);

  TraceHost host_;
  PacketView& view_;
  Packet packet_;          // as it is now: translation changes its source
  std::uint32_t mark_ = 0; // that our table has left on it
  Trace trace_;
};

// "250.0.0.0/8 via 192.0.0.8 dev fanvx8472".
std::string route_text(const RouteAnswer& route);

} // namespace fan
