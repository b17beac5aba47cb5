// Which packets a stranger could make for a host of a fan, by name. Pure: nothing here sends.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/address.h"
#include "core/encapsulation.h"
#include "support/packet.h"

namespace fan::test {

// A host of a fan, seen from those who mean it ill.
struct Victim {
  Prefix overlay;
  Prefix underlay;
  Address host; // its own address in the underlay
  Address peer; // another host of the underlay

  [[nodiscard]] Address gateway() const;
  [[nodiscard]] Address container() const;     // the second address of its slice
  [[nodiscard]] Address far() const;           // the second address of the peer's slice
  [[nodiscard]] Address elsewhere() const;     // another address of the underlay, which the host may have as well
  [[nodiscard]] Address of_nobody() const;     // in the slice of a host that there is not
  [[nodiscard]] Address of(Address own) const; // the second address of the slice of `own`, which may speak for it
};

struct Forgery {
  std::string kind; // its name, which is also what it carries
  Bytes packet;     // IPv4
};
using Forgeries = std::vector<Forgery>;

inline constexpr std::uint16_t forged_port = 7999; // of every inner packet, both ways

// The kind of a packet of ours, from its payload; empty for any other.
std::string kind_in(std::string_view payload);
std::string kind_in_packet(const Bytes& ipv4);

// `own`: the underlay address that the sender may use.
Forgeries plain(const Victim& victim, Address own);
Forgeries tunnelled(const Victim& victim, Encapsulation over, Address own);
// With the peer's own address, by a segment where the peer is not.
Forgeries for_the_peer(const Victim& victim, Encapsulation over);
// By a process of the peer, from a raw socket.
Forgeries of_process(const Victim& victim, Encapsulation over);
// By a container of the peer with the address `own`.
Forgeries of_container(const Victim& victim, Address own);
// What a process of the peer puts into a UDP datagram to the tunnel's port.
Bytes datagram_of_process(const Victim& victim);

} // namespace fan::test
