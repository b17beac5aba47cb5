// What an address means: whose it is, what it is for, and what a packet to it looks like on the underlay. Arithmetic
// alone: it answers on any machine, without a fan and without root. Rendering is the command's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/encapsulation.h"
#include "core/fan.h"
#include "core/mapping.h"

namespace fan {

// A mapping and what is known of how its hosts use it. It is assumed that all hosts use it alike.
struct KnownMapping {
  Mapping mapping;
  std::uint32_t reserve = 1;
  Encapsulation encapsulation = Encapsulation::vxlan;
  std::uint32_t vni = 0;
  std::uint16_t port = default_vxlan_port;
  std::vector<Pool> pools;
  std::vector<Address> own_hosts; // this host's addresses in the underlay that have a slice
  bool shortcut = false;          // this host's endpoints take the shortcut
};

// One for each mapping: two fans of one mapping are one row with two own hosts.
std::vector<KnownMapping> known_from(const std::vector<Fan>& fans);
// The same before a fan is up, from what was typed; `host` is any address in the underlay.
Result<KnownMapping> known_from(const FanSpec& spec, Address host);

enum class Role {
  outside,   // in neither network
  host,      // an underlay address: a host that owns a slice
  no_host,   // an underlay address that names a network, or an overlay address in the slice of such a one
  network,   // first address of a slice
  gateway,   // second: the fan bridge of its host
  reserved,  // further addresses that the host holds
  pool,      // an endpoint: a container or VM
  broadcast, // last address of a slice
};
// "gateway", "pool", ...
std::string_view name_of(Role role);

// The header in front of an overlay packet (docs/wire.md).
struct OuterHeader {
  std::optional<Address>
      source; // this host; absent when it has no slice, or several: then it is that of the inner source's
  Address destination;
  std::uint8_t protocol = 17;        // 4 ipip, 17 UDP
  std::optional<std::uint16_t> port; // vxlan: UDP destination port, host byte order
  std::optional<std::uint32_t> vni;  // vxlan
  std::uint8_t ttl = 255;
};

struct Explanation {
  Address address;
  Role role = Role::outside;
  std::optional<Mapping> mapping;   // absent when the address is in neither network of any mapping
  std::optional<Address> host;      // the underlay address of the owner
  std::optional<Prefix> slice;      // what the owner owns
  std::string pool;                 // the name of the pool it is in, "" for none
  bool own = false;                 // the owner is this host
  std::optional<OuterHeader> outer; // absent when no packet to this address leaves: `why_not` says why
  bool shortcut = false;            // endpoints here speak to it past this host's own forwarding
  std::string why_not;              // why no packet goes there through a tunnel; "" when one does
};

// One explanation for each mapping that knows the address, by its overlay or by its underlay; where none does, a single
// one that says so. Never empty.
std::vector<Explanation> explain(Address address, std::span<const KnownMapping> mappings);

} // namespace fan
