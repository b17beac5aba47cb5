// What the kernel says about this host, as values. Filled by a Provider, read by resolve and derive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/address.h"
#include "core/registry.h"

namespace fan {

struct LinkFact {
  std::uint32_t ifindex = 0;
  std::string name;
  std::string kind; // IFLA_INFO_KIND: "bridge", "vxlan", "veth", "" for a physical device
  bool up = false;  // IFF_UP
  std::uint32_t mtu = 0;
  Mac mac;
  std::uint32_t group = 0;
  std::string alias;        // IFLA_IFALIAS
  std::uint32_t master = 0; // ifindex of the bridge or bond it is a port of, 0 for none
  std::uint32_t lower = 0;  // ifindex of the device of this namespace that it is upon (macvlan, VLAN), 0 for none
  bool forwarding = false;  // net.ipv4.conf.DEV.forwarding
  bool learning = true;     // of a bridge's port: the bridge notes who is behind it
  // Only for tunnels:
  bool external = false;  // collect-metadata
  std::uint16_t port = 0; // vxlan: UDP port, host byte order
  Address local;          // ipip: the local endpoint, unspecified when external
};

struct AddressFact {
  std::uint32_t ifindex = 0;
  Address address;
  unsigned prefix_length = 0;
  bool secondary = false;  // IFA_F_SECONDARY
  bool deprecated = false; // IFA_F_DEPRECATED
  bool host_scope = false; // scope host or wider refusal: 127.0.0.1
};

// A row of the map of records.
struct RecordFact {
  std::string bridge;
  std::string text; // core/record.h
  auto operator<=>(const RecordFact&) const = default;
};

struct Facts {
  std::vector<LinkFact> links;
  std::vector<AddressFact> addresses;  // IPv4, in the kernel's own order
  std::string default_device;          // device of the IPv4 default route with the lowest metric, "" when there is none
  std::vector<std::string> other_hops; // devices of its other next hops, where it has several
  std::vector<RecordFact> records;     // one per fan, and those that a change leaves until it is done (core/record.h)
  bool records_known = true;           // false: this process may not read the record map (it needs CAP_SYS_ADMIN)
  std::string
      state_directory;     // where lease files go: /var/lib/fanctl, or a folder per network namespace under /run/fanctl
  bool ipv6 = false;       // /proc/sys/net/ipv6 is there
  bool forwarding = false; // net.ipv4.ip_forward: whoever set it switched all devices on that there were
  // net.ipv4.neigh.default.gc_thresh3, which is one for the machine; 0 where it is not told.
  std::uint64_t neighbours_at_most = 0;
  Registry registry;          // of table `bridge fanctl`, and what neighbours and bridges tell of what is gone from it
  bool registry_known = true; // false: this process may not read nftables (it needs CAP_NET_ADMIN)

  // Null where there is none. `links` may have changed since the last call.
  [[nodiscard]] const LinkFact* link(const std::string& name) const;
  [[nodiscard]] const LinkFact* link(std::uint32_t ifindex) const;

  // Where link() found devices by name and by ifindex the last time, hints only: ten thousand endpoints ask for ten
  // thousand devices, and each of five hundred fans for those of all addresses.
  mutable std::unordered_map<std::string, std::size_t> places;
  mutable std::unordered_map<std::uint32_t, std::size_t> numbered_places;
};

} // namespace fan
