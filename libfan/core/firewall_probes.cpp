#include "core/firewall_probes.h"

#include <utility>

#include <fmt/format.h>

#include "core/names.h"

namespace fan::firewall {
namespace {

constexpr std::uint8_t udp = 17;
constexpr std::uint8_t ipip = 4;
constexpr std::uint16_t dhcp_server = 67;
constexpr std::uint16_t dhcp_client = 68;
constexpr std::uint16_t dns = 53;
// What containers say to each other and the world is judged by what nobody forbids who wants them to speak at all.
constexpr std::uint8_t tcp = 6;
constexpr std::uint16_t https = 443;
constexpr std::uint16_t client = 40000;

// Stands for the world: no private network has it, and a rule about this one alone would be an odd one.
constexpr Address world{0x09090909U};

const std::vector<Hook> received{Hook::prerouting, Hook::input};
const std::vector<Hook> forwarded{Hook::prerouting, Hook::forward, Hook::postrouting};
const std::vector<Hook> sent{Hook::output, Hook::postrouting};

Prefix just(Address address) {
  return Prefix::of(address, 32);
}

std::string trusted(const Fan& fan) {
  std::string devices = " --add-interface=" + fan.bridge;
  for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan}) {
    if (fan.accepts(e)) {
      devices += " --add-interface=" + tunnel_name(e, fan.port());
    }
  }
  return "--zone=trusted" + devices;
}

// Our ruleset lets no tunnel packet be tracked, so a rule for established connections does not help.
Need arriving(const Fan& fan, Encapsulation e) {
  Need need;
  const std::string from = fan.mapping.underlay().str();
  need.what = fmt::format("tunnel packets from other hosts of the fan ({})", name_of(e));
  need.probe.hooks = received;
  need.probe.in_device = fan.device;
  need.probe.source = fan.mapping.underlay();
  need.probe.destination = just(fan.host);
  need.probe.state = "untracked";
  need.probe.destination_type = "local";
  need.probe.protocol = e == Encapsulation::ipip ? ipip : udp;
  if (e == Encapsulation::ipip) {
    need.nft = fmt::format("ip saddr {} ip protocol 4", from);
    need.iptables = fmt::format("-s {} -p 4", from);
    need.firewalld = "--add-protocol=ipip";
  } else {
    need.probe.destination_port = fan.port();
    need.nft = fmt::format("ip saddr {} udp dport {}", from, fan.port());
    need.iptables = fmt::format("-s {} -p udp --dport {}", from, fan.port());
    need.firewalld = fmt::format("--add-port={}/udp", fan.port());
  }
  return need;
}

Need leaving(const Fan& fan) {
  Need need = arriving(fan, fan.spec.encapsulation);
  const std::string to = fan.mapping.underlay().str();
  need.what = "tunnel packets to other hosts of the fan";
  need.probe.hooks = sent;
  need.probe.out_device = fan.device;
  need.probe.in_device = {};
  need.probe.source = just(fan.host);
  need.probe.destination = fan.mapping.underlay();
  need.probe.destination_type = "unicast";
  const bool is_ipip = fan.spec.encapsulation == Encapsulation::ipip;
  need.nft = fmt::format("ip daddr {} {}", to, is_ipip ? "ip protocol 4" : fmt::format("udp dport {}", fan.port()));
  need.iptables = fmt::format("-d {} {}", to, is_ipip ? "-p 4" : fmt::format("-p udp --dport {}", fan.port()));
  need.firewalld.clear();
  return need;
}

// Between containers, by whatever devices: one rule with the overlay on both sides helps in both directions.
Need inside(const Fan& fan, const std::string& what, const std::string& in, const std::string& out,
            const Prefix& source, const Prefix& destination) {
  Need need;
  const std::string overlay = fan.mapping.overlay().str();
  need.what = what;
  need.probe.hooks = forwarded;
  need.probe.in_device = in;
  need.probe.out_device = out;
  need.probe.source = source;
  need.probe.destination = destination;
  need.probe.protocol = tcp;
  need.probe.source_port = client;
  need.probe.destination_port = https;
  need.nft = fmt::format("ip saddr {0} ip daddr {0}", overlay);
  need.iptables = fmt::format("-s {0} -d {0}", overlay);
  need.firewalld = trusted(fan);
  return need;
}

Need to_world(const Fan& fan, const std::string& device) {
  Need need = inside(fan, "packets from containers to the world", fan.bridge, device, fan.slice(), just(world));
  need.nft = fmt::format("iifname {} ip saddr {}", fan.bridge, fan.slice().str());
  need.iptables = fmt::format("-i {} -s {}", fan.bridge, fan.slice().str());
  return need;
}

Need from_world(const Fan& fan, const std::string& device) {
  Need need = inside(fan, "answers from the world to containers", device, fan.bridge, just(world), fan.slice());
  need.probe.state = "established";
  std::swap(need.probe.source_port, need.probe.destination_port);
  need.nft = fmt::format("oifname {} ct state established,related", fan.bridge);
  need.iptables = fmt::format("-o {} -m conntrack --ctstate ESTABLISHED,RELATED", fan.bridge);
  return need;
}

Need service(const Fan& fan, const std::string& what, std::uint16_t port) {
  Need need;
  need.what = what;
  need.probe.hooks = received;
  need.probe.in_device = fan.bridge;
  need.probe.source = fan.slice();
  need.probe.destination = just(fan.gateway());
  need.probe.destination_type = "local";
  need.probe.protocol = udp;
  need.probe.destination_port = port;
  need.nft = fmt::format("iifname {} udp dport {}", fan.bridge, port);
  need.iptables = fmt::format("-i {} -p udp --dport {}", fan.bridge, port);
  need.firewalld = trusted(fan);
  return need;
}

Need dhcp_request(const Fan& fan) {
  Need need = service(fan, "DHCP requests of containers", dhcp_server);
  need.probe.source = just(Address());
  need.probe.destination = just(Address(0xffffffffU));
  need.probe.destination_type = "broadcast";
  need.probe.source_port = dhcp_client;
  return need;
}

// Frames of the bridge: what its ports say to each other and to this host, and the ARP before it.
Need frames(const Fan& fan, const std::string& what, const std::vector<Hook>& hooks, bool arp) {
  Need need = inside(fan, (arp ? "ARP " : "frames ") + what, "", "", fan.slice(), fan.slice());
  need.probe.hooks = hooks;
  need.probe.framed = true;
  need.probe.family = arp ? "arp" : "ipv4";
  need.nft = (arp ? "arp saddr ip " : "ip saddr ") + fan.mapping.overlay().str();
  need.iptables.clear();
  need.firewalld.clear();
  return need;
}

void add_frames(std::vector<Need>& needs, const Fan& fan) {
  for (const bool arp : {false, true}) {
    needs.push_back(frames(fan, "between containers of this host", forwarded, arp));
    needs.push_back(frames(fan, "from containers to this host", received, arp));
    needs.push_back(frames(fan, "from this host to containers", sent, arp));
  }
}

} // namespace

std::vector<Need> needs_of(const Fan& fan, const std::string& default_device, bool bridged) {
  const std::string tunnel = tunnel_name(fan.spec.encapsulation, fan.port());
  const Prefix overlay = fan.mapping.overlay();
  std::vector<Need> needs;
  for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan}) {
    if (fan.accepts(e)) {
      needs.push_back(arriving(fan, e));
    }
  }
  needs.push_back(leaving(fan));
  if (fan.spec.reach) {
    return needs; // no container of this host has a part in it
  }
  needs.push_back(inside(fan, "packets from containers into the tunnel", fan.bridge, tunnel, fan.slice(), overlay));
  needs.push_back(inside(fan, "packets out of the tunnel to containers", tunnel, fan.bridge, overlay, fan.slice()));
  add_frames(needs, fan);
  if (bridged) {
    needs.push_back(
        inside(fan, "packets between containers of this host", fan.bridge, fan.bridge, fan.slice(), fan.slice()));
  }
  if (fan.spec.nat && !default_device.empty()) {
    needs.push_back(to_world(fan, default_device));
    needs.push_back(from_world(fan, default_device));
  }
  if (fan.spec.dhcp) {
    needs.push_back(dhcp_request(fan));
    needs.push_back(service(fan, "DNS requests of containers", dns));
  }
  return needs;
}

} // namespace fan::firewall
