// Follows a packet through other people's filters, as the kernel would. Pure. Claims a drop only where no rule that is
// not understood, or that holds for some of the packets only, could have let it pass before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/firewall_rules.h"

namespace fan::firewall {

// A kind of packet. A prefix stands for every address in it; nothing stands for any value.
struct Probe {
  std::vector<Hook> hooks; // that it passes, in order
  std::string in_device;   // "" at the hooks of what this host sends
  std::string out_device;  // "" before routing and for what this host receives
  Prefix source;
  Prefix destination;
  std::optional<std::uint8_t> protocol;
  std::optional<std::uint16_t> source_port;
  std::optional<std::uint16_t> destination_port;
  std::string state = "new";
  std::string destination_type = "unicast";
  // A frame that a bridge handles meets the tables of family bridge, and no other. Of its ports nothing is known.
  bool framed = false;
  bool bridged = false;        // br_netfilter takes such frames through the tables of IPv4 first
  std::string family = "ipv4"; // of a frame also "arp", in which there is nothing of IPv4 to match
};

// Where it ends.
struct Drop {
  const Table* table = nullptr;
  std::string base;           // the chain that it entered the table by
  std::string chain;          // the chain that dropped it
  const Rule* rule = nullptr; // nullptr: the policy
};

// The first drop that is certain. Precondition: `tables` outlives the answer.
std::optional<Drop> certain_drop(const std::vector<Table>& tables, const Probe& probe);

} // namespace fan::firewall
