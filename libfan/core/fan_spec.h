// What a person asked for, before anything is known about this host.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/encapsulation.h"
#include "core/pool.h"

namespace fan {

// How the underlay was named.
struct UnderlayRef {
  enum class Kind { address, device, default_route, network };
  Kind kind = Kind::device;
  std::string device;          // Kind::device
  Address address;             // Kind::address
  Prefix network;              // Kind::network
  unsigned prefix_length = 16; // the underlay's prefix length; 16 when none was typed
  auto operator<=>(const UnderlayRef&) const = default;
};

// What endpoints may ask of a host that has the fan: of its gateway, and of its other addresses.
enum class HostAccess {
  all,
  dhcp, // DHCP and DNS of the gateway where it serves them, and pings
  none  // nothing; answers and ICMP errors come in all the same
};

// Every option of `up`. An absent optional means "the default, worked out from the host".
struct FanSpec {
  std::string overlay_text;  // as typed: "250", "250.0.0.0/8"
  std::string underlay_text; // as typed: "eth0/16"
  Prefix overlay;
  UnderlayRef underlay;

  Encapsulation encapsulation = Encapsulation::ipip;
  std::set<Encapsulation> accept;    // received besides `encapsulation`, so that a fleet can move from one to the other
  std::optional<std::uint32_t> vni;  // 1 .. 2^24-1
  std::optional<std::uint16_t> port; // UDP, vxlan only
  std::optional<std::uint32_t> mtu;  // of the fan bridge, bytes of IP packet
  std::uint32_t host_reserve = 1;    // addresses of the slice that the host itself holds, the gateway included
  std::optional<std::string> bridge; // name of the fan bridge
  std::vector<Prefix> expose;        // parts of the slice that outside hosts may open connections to
  bool expose_all = false;
  std::optional<unsigned> ttl_security; // most hops between two hosts; outer TTL must be >= 256 - hops (RFC 5082)
  std::vector<Pool> pools;              // ordered by first number; disjoint
  bool dhcp = false;
  std::optional<std::uint32_t> lease; // seconds (core/dns_domain.h); only with dhcp
  std::optional<std::string> domain;  // in which every address of the overlay has a name; only with dhcp
  bool nat = true;
  bool reach = false;  // this host speaks to the fan and has no bridge of its own in it
  bool isolate = true; // endpoints of other fans are not spoken to, on this host or elsewhere
  HostAccess host_access = HostAccess::all;
  bool block_metadata = false; // endpoints do not reach the addresses where clouds keep the host's secrets
  bool strict = false;         // refuse tunnel packets that are addressed to this host inside the tunnel
  bool snooping = false;       // the bridge asks who listens to which group, and sends a group's frames to those only
  bool proxy_arp = false; // endpoints that appear on the bridge are registered, so that who-has is answered for them
  bool secure = false;    // ports that have an endpoint send as their endpoints or not at all (docs/ports.md)
  bool shortcut = false;  // packets between endpoints of two hosts go past the host's own forwarding (docs/firewall.md)
  bool autostart = false; // came from the configuration (flag `auto`)
  bool off = false;       // do nothing and succeed
  std::string origin;     // the configuration file it came from, an absolute path; "" when no file is known

  auto operator<=>(const FanSpec&) const = default;
};

// The same two networks, as they were named: what makes two requests mean one fan, whatever their options.
inline bool same_request(const FanSpec& a, const FanSpec& b) {
  return a.overlay == b.overlay && a.underlay == b.underlay;
}

} // namespace fan
