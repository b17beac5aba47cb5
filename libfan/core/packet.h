// A packet that is only thought of: what `fanctl trace` follows. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/address.h"

namespace fan {

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_ipip = 4;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;

struct Packet {
  Address source;
  Address destination;
  std::uint8_t protocol = protocol_icmp;
  std::uint16_t source_port = 40000; // of TCP and UDP, host byte order
  std::uint16_t destination_port = 0;
  std::uint32_t size = 84; // of the whole IPv4 packet, in bytes
  bool dont_fragment = false;
};

// The header in front of a packet on the underlay.
struct Outer {
  Address source;
  Address destination;
  std::uint32_t vni = 0; // 0 with ipip
  std::uint8_t ttl = 255;
  bool operator==(const Outer&) const = default;
};

// "icmp", "tcp", "udp", else the number.
std::string protocol_name(std::uint8_t protocol);

// The smallest size that has room for the IPv4 header and that of the protocol, in bytes.
std::uint32_t least_size(std::uint8_t protocol);

// The IPv4 packet, header checksum included: an echo request, a TCP SYN, a UDP datagram; zeros for any other protocol.
// `size` may be less than the packet's own, never less than its least: then it is a shorter one with all else alike.
std::vector<std::uint8_t> bytes_of(const Packet& packet, std::uint32_t size);

} // namespace fan
