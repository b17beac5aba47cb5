// What the kernel of this host would do with a packet, asked one question at a time. The port that `trace` walks by;
// linux/ answers from the kernel, tests from memory. Reads only: no packet is sent, no counter moves, no neighbour is
// asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/address.h"
#include "core/packet.h"
#include "core/result.h"

namespace fan {

struct RouteQuestion {
  Packet packet;         // size and DF do not matter
  std::string in_device; // "" for what this host sends itself
  std::uint32_t mark = 0;
};

enum class RouteKind { unicast, local, broadcast, other };

struct RouteAnswer {
  RouteKind kind = RouteKind::unicast;
  std::string device;
  std::optional<Address> via;
  Address source;            // that the kernel would choose, unspecified for what is forwarded
  std::uint32_t mtu = 0;     // of the route or of what was learned of the path, 0: the device's
  bool learned = false;      // the MTU is that of a path, learned from ICMP
  Prefix destination;        // of the route that it was found by
  std::uint8_t protocol = 0; // RTPROT_… of that route
  std::uint32_t table = 0;   // that it is in, 0: not known
};

enum class NeighbourState {
  unknown, // there is no entry: the first packet makes the kernel ask
  resolved,
  asked,      // the kernel is asking
  unanswered, // it has asked, and nobody has answered
};

struct NeighbourAnswer {
  NeighbourState state = NeighbourState::unknown;
  Mac mac;
};

// Which of our programs, and how the packet comes to it.
struct ProgramQuestion {
  std::string program; // Classifier::program
  std::string device;  // that it is attached to
  Packet packet;
  std::optional<Outer> arrived; // with which outer header; of the ingress programs only
  std::string from_device;      // by which it came into this host; "" for this host itself. Of bridge_out only
  std::uint32_t mark = 0;       // that it bears. Of bridge_in only
  Mac to = {};                  // of the frame. Of bridge_in only
};

struct ProgramAnswer {
  bool attached =
      true; // false: no such program is on this bridge or port, which lets the packet pass. Nothing else holds
  bool passed = false;
  std::string reason;         // as `show --stats` names it; "" for the bridge's redirects, which are not counted
  std::string meaning;        // for people
  std::optional<Outer> outer; // of what was sent into a tunnel
  std::uint32_t mtu = 0;      // that the sender is told, when the packet was too big
  std::string next;           // the device that it takes the shortcut to; "": it takes none
  std::uint32_t mark = 0;     // that it bears afterwards
  std::string build;
};

class PacketView {
public:
  virtual ~PacketView() = default;

  // The kernel's refusal (no route, rp_filter, a martian source, a route of type prohibit, ...) is an Error with its
  // errno: EXDEV, ENETUNREACH, EHOSTUNREACH, EINVAL, EACCES.
  virtual Result<RouteAnswer> route(const RouteQuestion& question) = 0;
  virtual Result<NeighbourAnswer> neighbour(const std::string& device, Address address) = 0;
  // The port of `bridge` behind which it was seen; "" when the bridge does not know.
  virtual Result<std::string> port_of(const std::string& bridge, const Mac& mac) = 0;
  // Runs the program that is attached, with the maps that are in use and counters of its own. host_state: it is of
  // another build than this binary's, or a tunnel's and not attached.
  virtual Result<ProgramAnswer> run(const ProgramQuestion& question) = 0;
};

} // namespace fan
