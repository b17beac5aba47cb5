// A rule of routing (ip-rule(8)): which packets it is for, where it sends them, and how `ip rule` says it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/packet.h"

namespace fan {

inline constexpr std::uint32_t main_table = 254; // RT_TABLE_MAIN

enum class RuleAction {
  table,     // look into a table, and go on with the next rule when nothing is there
  jump,      // go on with another rule
  nothing,   // go on
  blackhole, // these three: refuse
  unreachable,
  prohibit,
};

// Both included.
template <class Number>
struct RuleRange {
  Number first = 0;
  Number last = 0;
  bool operator==(const RuleRange&) const = default;
};

struct PolicyRule {
  std::uint32_t priority = 0;
  bool inverted = false; // for the packets that all else here does not fit
  Prefix source;         // 0.0.0.0/0: any; the same of all that follows, 0, "" or nothing
  Prefix destination;
  std::uint8_t tos = 0;
  std::uint32_t mark = 0;
  std::uint32_t mark_mask = 0;
  std::string in_device; // "lo": what this host sends itself
  std::string out_device;
  bool vrf = false; // for packets of devices in a VRF, into that one's table
  std::uint64_t tunnel_id = 0;
  std::optional<RuleRange<std::uint32_t>> users;
  std::uint8_t protocol = 0;
  std::optional<RuleRange<std::uint16_t>> source_ports; // host byte order
  std::optional<RuleRange<std::uint16_t>> destination_ports;

  RuleAction action = RuleAction::nothing;
  std::uint32_t table = 0;
  std::uint32_t target = 0;                     // of a jump: the priority of the rule to go on with
  std::optional<std::uint32_t> ignored_length;  // routes that are no longer than this are none (suppress_prefixlength)
  std::optional<std::uint32_t> ignored_devices; // nor are those by devices of this group
  bool understood = true;                       // false: it says more than is known here

  bool operator==(const PolicyRule&) const = default;
};

// A packet as the rules see it: of root, for what is this host's own.
struct RoutedPacket {
  Packet packet;
  std::string in_device; // "": this host sends it
  bool in_vrf = false;   // that device is in one
  std::uint32_t mark = 0;
};

bool is_for(const PolicyRule& rule, const RoutedPacket& packet);

// As `ip rule` lists it: "100: from all to 10.0.0.0/8 lookup 77".
std::string text_of(const PolicyRule& rule);

// The line that deletes this one of `all`, in the kernel's order. "": it would delete another one, or cannot be said.
std::string deletion_of(const PolicyRule& rule, const std::vector<PolicyRule>& all);

} // namespace fan
