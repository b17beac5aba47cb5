// The packets that a fan lives by, and how their passing is asked for in the words of each kind of firewall. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "core/firewall_walk.h"

namespace fan::firewall {

// One kind of packet that must pass.
struct Need {
  std::string what; // "packets from other hosts of the fan": completes "... drops WHAT"
  Probe probe;
  std::string nft;       // the conditions under which to accept it: "iifname fan-250-0-28 udp dport 67"
  std::string iptables;  // the same: "-i fan-250-0-28 -p udp --dport 67"
  std::string firewalld; // arguments of firewall-cmd: "--zone=trusted --add-interface=fan-250-0-28"
};

// In the order in which a person would want to hear of them. `default_device`: where translated traffic leaves; "" for
// none. `bridged`: frames between ports of a bridge pass the firewall, too.
std::vector<Need> needs_of(const Fan& fan, const std::string& default_device, bool bridged);

} // namespace fan::firewall
