// Follows a packet through our own table, by the very text that the kernel was found to hold (core/ruleset.h) and by
// the elements that are in its sets. Pure. What it does not understand it says, and decides nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/firewall_rules.h"
#include "core/object.h"
#include "core/packet.h"

namespace fan {

struct RulesetPacket {
  Packet packet;
  std::string in_device; // "" for what this host sends
  bool in_ours = false;  // its link group is ours
  std::string out_device;
  bool out_ours = false;
  std::uint32_t mark = 0;
  std::string state = "new"; // of the connection, nft's words
  bool translated = false;   // the host translated its destination
  bool source_is_local = false;
  bool route_back = true; // a route to the source leads by the device it came in by
};

struct RulesetEnd {
  bool drops = false;
  std::string counter;           // under which it was dropped
  std::optional<Address> source; // that it was given by translation
  bool masqueraded = false;      // it was given the address of the device that it leaves by
  std::uint32_t mark = 0;        // that it has afterwards
  std::string not_understood;    // a rule; then nothing else counts
};

RulesetEnd walk_ruleset(firewall::Hook hook, const RulesetPacket& packet, const std::vector<SetElement>& elements);

} // namespace fan
