// What comes back to a prober, taken apart: bytes that anybody on the segment may have sent. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/address.h"
#include "engine/prober.h"

struct msghdr;

namespace fan::probe {

using Bytes = std::vector<std::uint8_t>;

// An ICMP error about a packet that a socket has sent.
struct SentError {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  Address from;
  std::uint32_t mtu = 0;
  Bytes quoted; // what was sent, as far as it was quoted
};

// What the kernel says beside a packet on a socket's queue of errors (ip(7), IP_RECVERR); all but what was quoted.
SentError sent_error_in(msghdr& message);

// The sender's MAC of a reply of ARP about this address.
std::optional<Mac> arp_reply_about(const Bytes& arp, Address address);

// The TTL of an IPv4 packet that is the reply to our echo request. Raw sockets get everybody's answers: ours are told
// by their number.
std::optional<std::uint8_t> echo_reply(const Bytes& packet, std::uint16_t id, std::uint16_t number);
// Whether an ICMP message, without its IPv4 header, is our echo request.
bool is_our_request(const Bytes& message, std::uint16_t id, std::uint16_t number);

// The reply to an echo request that went through a tunnel.
struct Arrived {
  TunnelForm form;
  std::uint16_t index = 0; // of the request
};
// In a packet of the underlay, from `peer` to `host`.
std::optional<Arrived> tunnelled_reply(const Bytes& packet, Address host, Address peer, std::uint16_t id);

} // namespace fan::probe
