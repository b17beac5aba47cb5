// The kernel objects a fan consists of, as values of one closed variant. Each has a key (what it is) and a rank (when
// it comes: lower ranks are made first and removed last). Order is a fact of this file, not of the code that applies
// it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/address.h"
#include "core/encapsulation.h"

namespace fan {

// How our devices are told from others: link group and MAC prefix, both set in the message that creates the device.
inline constexpr std::uint32_t link_group = 0xfa17;
inline constexpr std::uint8_t mac_prefix[2] = {0x02, 0xfa};
// Our routes carry this protocol number (rtnetlink.h: 4..255 are free for user space; listed in docs/state.md).
inline constexpr std::uint8_t route_protocol = 0xfa;
// The next hop of every overlay route, the same on every host: IANA's "IPv4 dummy address" (RFC 7600), never on a wire.
inline constexpr Address next_hop{0xc0000008U}; // 192.0.0.8
inline constexpr Mac next_hop_mac{{0x02, 0xfa, 0xff, 0xff, 0xff, 0xfe}};
// The mark that the egress program puts on what it sends; the ruleset lets nothing else leave for the tunnel's port.
inline constexpr std::uint32_t tunnel_mark = 0x0fa70000;
// Name of our nftables tables.
inline constexpr const char* table_name = "fanctl";
enum class NftTable {
  inet,  // the firewall, as long as there is a fan (core/ruleset.h)
  bridge // what ports of fan bridges may send, as long as a fan has endpoints (core/port_sets.h)
};

// NDA_PROTOCOL of the permanent neighbours of endpoints: the sign that they are ours, and whether their port is
// secured.
inline constexpr std::uint8_t endpoint_protocol = 0xfa;
inline constexpr std::uint8_t secured_endpoint_protocol = 0xfb;
// Where frames are turned to that are for this host alone: every fan bridge with endpoints answers to it.
inline constexpr Mac own_ear_mac{{0x02, 0xfa, 0xff, 0xff, 0xff, 0xfd}};

// The external (collect-metadata) tunnel device; one per encapsulation and UDP port, shared by all fans.
struct Tunnel {
  std::string name;
  Encapsulation encapsulation = Encapsulation::vxlan;
  std::uint16_t port = 0; // vxlan: UDP destination port, host byte order; ipip: 0
  Mac mac;                // vxlan only; all zeros for ipip
  std::uint32_t mtu = 0;
  std::string qdisc = "noqueue"; // the root qdisc; a queue here misdelivers packets (docs/limits.md)
  std::string master = {};       // the bridge, say, that it was made a port of; all that comes is then that one's
  auto operator<=>(const Tunnel&) const = default;
};

struct Bridge {
  std::string name;
  Mac mac;
  std::uint32_t mtu = 0;
  std::string alias; // the fan's record, or its first part (core/record.h)
  auto operator<=>(const Bridge&) const = default;
};

// The whole constant ruleset. `text` is what `nft -f` loads; equality means "the kernel holds exactly this version".
struct Ruleset {
  std::string version; // kept in the kernel with the table
  NftTable table = NftTable::inet;
  auto operator<=>(const Ruleset&) const = default;
};

// One element of a set or map of one of our tables, in nft's own syntax: {"slices", "250.0.28.0/24"}, {"gateways",
// "250.0.0.0/8 : 250.0.28.1"}.
struct SetElement {
  std::string set;
  std::string element; // key part only
  std::string data;    // data part, empty for a set
  NftTable table = NftTable::inet;
  auto operator<=>(const SetElement&) const = default;
};

// A row of the BPF map of mappings: which underlay host owns an overlay address.
struct MappingRow {
  Prefix overlay;
  Prefix underlay;
  std::uint32_t vni = 0;
  Encapsulation encapsulation = Encapsulation::vxlan; // what we send with
  auto operator<=>(const MappingRow&) const = default;
};

// A row of the BPF map of slices: what this host answers for.
struct SliceRow {
  Prefix slice;
  Address host; // outer destination that must match; outer source of what the slice sends
  Prefix overlay;
  Prefix underlay;
  std::uint32_t vni = 0;
  bool accept_ipip = false;
  bool accept_vxlan = false;
  std::uint8_t least_ttl = 0; // outer TTL below this is refused; 0 accepts all
  bool strict = false;       // refuse inner protocols 4, 41, 47 and UDP to the tunnel's port for addresses of this host
  bool open = false;         // endpoints of other overlays may be spoken to
  std::uint32_t reserve = 1; // the first `reserve` addresses are this host's own
  std::uint16_t port = 0;    // the fan's UDP port
  auto operator<=>(const SliceRow&) const = default;
};

// An address that must never be an outer destination: the network and broadcast addresses of prefixes inside the
// underlay that this host is connected to. (With a /16 underlay on a /24 subnet the overlay would else reach
// ff:ff:ff:ff:ff:ff.)
struct NeverRow {
  Address address;
  auto operator<=>(const NeverRow&) const = default;
};

// A row of the BPF map of bridges: packets between endpoints of this slice and those of other hosts go past the host's
// own forwarding, from this bridge to the tunnel and back.
struct ShortcutRow {
  Prefix slice;
  std::string bridge; // "" in what is observed: of a device that is gone
  auto operator<=>(const ShortcutRow&) const = default;
};

// A row of the BPF map of records: the fan's full record.
struct RecordRow {
  std::string bridge;
  std::string text; // at most record_max bytes
  auto operator<=>(const RecordRow&) const = default;
};
inline constexpr std::size_t record_max = 1000;

enum class Direction { ingress, egress };

// One tc BPF filter at the first preference of a device's clsact.
struct Classifier {
  std::string device;
  Direction direction = Direction::ingress;
  std::string program; // "tunnel_in_vxlan", ... (linux/bpf/programs.h)
  std::string build;   // hash of the program's source; a different build is replaced atomically
  bool first = true;   // no other filter stands before it
  auto operator<=>(const Classifier&) const = default;
};

struct Sysctl {
  std::string key; // "net/ipv4/conf/eth0/forwarding": slashes, because device names may hold dots
  std::string value;
  auto operator<=>(const Sysctl&) const = default;
};

struct InterfaceAddress {
  std::string device;
  Address address;
  unsigned prefix_length = 0;
  // The route to its network, which the kernel makes with the first address of a network on a device that is up, is
  // there. True where there is none to be made.
  bool connected = true;
  auto operator<=>(const InterfaceAddress&) const = default;
};
// Of scope host there: no socket is given such an address by itself.
inline constexpr const char* loopback = "lo";

struct LinkUp {
  std::string device;
  auto operator<=>(const LinkUp&) const = default;
};

// The bridge's multicast snooping with the bridge itself as querier. A bridge that snoops and hears no querier sends
// every group to every port, as if it did not snoop.
struct Querier {
  std::string bridge;
  std::uint32_t response_interval = 0; // in which listeners answer, 1/100 s
  // Both are on. Off: all that is left of it is our interval; somebody switched one of them off, or was killed when
  // that was done and the interval was not.
  bool on = true;
  auto operator<=>(const Querier&) const = default;
};
// With it a new querier knows who listens after a second or two, not after twelve.
inline constexpr std::uint32_t querier_response_interval = 100;
inline constexpr std::uint32_t kernel_response_interval = 1000;

struct Neighbour { // permanent
  std::string device;
  Address address;
  Mac mac;                   // ignored on ipip
  std::uint8_t protocol = 0; // of an endpoint: one of the two above
  auto operator<=>(const Neighbour&) const = default;
};

// A static entry of a bridge's table: frames to `mac` leave by `port`, and stay there whoever else sends with that
// address (sticky). Without a port they are for this host.
struct FdbEntry {
  std::string bridge;
  Mac mac;
  std::string port;
  bool sticky = true;
  auto operator<=>(const FdbEntry&) const = default;
};

// A flag of a bridge's port that is not as the kernel sets it at first.
enum class PortFlagName {
  proxy_arp_wifi, // on: the bridge answers who-has for who is behind the port, and does not copy such requests to it
  bcast_flood,    // off: no broadcast of others is copied to the port
  learning,       // off: the bridge does not note who is behind the port by what comes from there
};
struct PortFlag {
  std::string port;
  PortFlagName flag = PortFlagName::proxy_arp_wifi;
  auto operator<=>(const PortFlag&) const = default;
};
const char* word_for(PortFlagName flag);
// Whether the kernel has the flag on when a device becomes a port.
bool is_on_at_first(PortFlagName flag);

struct Route { // main table, onlink, protocol route_protocol
  Prefix destination;
  Address via;
  std::string device;
  Address source; // preferred source
  std::uint32_t mtu = 0;
  bool first = true; // nobody else's route to the same destination comes before it
  bool only = true;  // of metric 0, and no second one with our protocol number, which only a person can make
  auto operator<=>(const Route&) const = default;
};

// The DHCP server of one fan bridge, a process of its own.
struct DhcpServer {
  std::string bridge;
  std::vector<std::string> argv; // without the program's path
  auto operator<=>(const DhcpServer&) const = default;
};

// In the order of their ranks.
using Object = std::variant<Tunnel, Bridge, Ruleset, SetElement, RecordRow, MappingRow, SliceRow, NeverRow, ShortcutRow,
                            Classifier, Sysctl, InterfaceAddress, LinkUp, Querier, Neighbour, FdbEntry, PortFlag, Route,
                            DhcpServer>;

// What an object is, apart from its attributes: two objects with the same key are the same object in two states.
// It reads like a path, for people too: "bridge fan-250-0-28", "route 250.0.0.0/8", "set slices 250.0.28.0/24".
std::string key_of(const Object& object);
// The object's place in the order, equal for all objects of a kind.
std::size_t rank_of(const Object& object);
// "bridge", "tunnel", "route", ...: the word used in JSON and messages.
std::string kind_of(const Object& object);
// The device the object lives and dies with; nothing for devices themselves and for what hangs on none.
std::optional<std::string> device_of(const Object& object);

// True for what there may be one of for each of a thousand ports: the netlink room sends such changes many at a time.
bool is_port_object(const Object& object);

using ObjectSet = std::map<std::string, Object>; // by key

// What the kernel has under a key.
struct Observed {
  Object object;
  bool ours = false; // bears our own sign (group and MAC prefix, route protocol, table, program); kinds that cannot
                     // bear one: false
  bool operator==(const Observed&) const = default;
};
using ObservedSet = std::map<std::string, Observed>; // by key

// One step. Create: no before. Remove: no after. Its inverse is the swap.
struct Change {
  std::optional<Object> before;
  std::optional<Object> after;
  std::string because; // "deleted by hand", "option changed", ...

  [[nodiscard]] const Object& object() const { return after ? *after : *before; }
  [[nodiscard]] Change inverse() const { return Change{after, before, "undo"}; }
};

} // namespace fan
