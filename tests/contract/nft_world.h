// A host with the firewall loaded, and everything around it that a rule can tell apart. The tunnel device is one end of
// a veth pair: the rules know devices by name, and what comes out of it is then exactly what a test puts in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/fan.h"
#include "core/firewall_sets.h"
#include "linux/nft/firewall.h"
#include "support/capture.h"
#include "support/raw_sender.h"
#include "support/topology.h"

namespace fan::test {

// The fan 250.0.0.0/8 over 172.30.0.0/16 of host 172.30.0.28, both encapsulations received.
Fan sample_fan();

// Creation of the ruleset and of all elements of `fan`, in one transaction.
std::vector<Change> loading(const Fan& fan);

Change create(Object object);
Change remove(Object object);

class FirewalledHost {
public:
  FirewalledHost();

  // Packets that the rule with this counter has dropped so far.
  std::uint64_t dropped(const std::string& reason);
  void apply(const std::vector<Change>& transaction);

  Underlay underlay{NoForgers()}; // every packet counts
  Host& host;                     // 172.30.0.28
  Host& peer;                     // 172.30.0.27
  Netns far;                      // behind the tunnel: 250.0.27.5
  Container near;                 // 250.0.28.5
  Container neighbour;            // 250.0.28.6
  nft::Firewall firewall;

private:
  struct Wiring {
    explicit Wiring(const Host& host, const Netns& far);
  } wiring_;
};

inline constexpr Address host_address{0xac1e001cU};      // 172.30.0.28
inline constexpr Address peer_address{0xac1e001bU};      // 172.30.0.27
inline constexpr Address gateway_address{0xfa001c01U};   // 250.0.28.1
inline constexpr Address near_address{0xfa001c05U};      // 250.0.28.5
inline constexpr Address neighbour_address{0xfa001c06U}; // 250.0.28.6
inline constexpr Address far_address{0xfa001b05U};       // 250.0.27.5

Bytes udp_packet(Address source, Address destination, std::uint16_t source_port, std::uint16_t destination_port);
Bytes ipip_packet(Address source, Address destination);

} // namespace fan::test
