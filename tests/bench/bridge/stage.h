// A bridge with many ports: one namespace has the bridge and the ports, another the ends that containers would have.
// Ports are made over one netlink socket, some thousands a second.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/address.h"
#include "linux/netlink/socket.h"
#include "support/netns.h"

namespace fan::bench {

// Port n (from 1) is "p<n>" in the host, its other end "e<n>", with this MAC and, where the stage gives addresses, this
// address.
Mac mac_of(unsigned n);
Mac port_mac(unsigned n);

class Stage {
public:
  // A bridge made by hand, `bridge` is its name, with `gateway`/`length` as its address. Ports come by add_ports.
  struct Network {
    std::string bridge = "br0";
    Prefix slice; // endpoint n has the (n+1)th address; the gateway the first
  };
  explicit Stage(Network network, bool by_hand = true); // else a fan's: fanctl makes the bridge of the slice 250.0.X.0
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Adds ports up to this number.
  void add_ports(unsigned count);
  // Veth pairs that are no bridge's ports.
  void add_loose(unsigned count);
  // The ends have their addresses and answer ARP.
  void give_addresses();

  [[nodiscard]] const test::Netns& host() const { return host_; }
  [[nodiscard]] const test::Netns& ends() const { return ends_; }
  [[nodiscard]] bool by_hand() const { return by_hand_; }
  [[nodiscard]] unsigned ports() const { return ports_; }
  [[nodiscard]] Address address(unsigned n) const { return network_.slice.at(n + 1); }
  [[nodiscard]] Address gateway() const { return network_.slice.at(1); }
  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] Mac bridge_mac() const;
  // Frames that the ends of ports have received so far, by port number - 1.
  [[nodiscard]] std::vector<std::uint64_t> received() const;
  // Proxy flag, permanent neighbour and static FDB entry of endpoints 1..count, as one program that speaks netlink.
  void register_by_hand(unsigned count) const;
  // Each port that is no bridge's is a way of its own to its endpoint: host route, proxy ARP, forwarding, permanent
  // neighbour.
  void route_by_hand() const;

private:
  void add(unsigned count, bool enslave);

  Network network_;
  bool by_hand_;
  test::Netns host_;
  test::Netns ends_;
  unsigned ports_ = 0;
};

} // namespace fan::bench
