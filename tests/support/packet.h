// Crafted packets, from the inside out: vxlan(vni, ethernet(a, b, ipv4({...}, udp(1, 2, "x")))). Lengths and checksums
// are right unless a caller spoils them afterwards.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/address.h"

namespace fan::test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_ipip = 4;
inline constexpr std::uint8_t protocol_udp = 17;

struct Ipv4 {
  Address source;
  Address destination;
  std::uint8_t protocol = protocol_udp;
  std::uint8_t ttl = 64;
  std::uint8_t tos = 0;
  bool dont_fragment = false;
  std::uint16_t id = 0;
};

Bytes text(std::string_view payload);
// The checksum of UDP covers the addresses, so it is left 0 (which IPv4 allows).
Bytes udp(std::uint16_t source_port, std::uint16_t destination_port, const Bytes& payload);
Bytes icmp_echo(std::uint16_t id, std::uint16_t sequence, const Bytes& payload);
Bytes ipv4(const Ipv4& header, const Bytes& payload);
Bytes ethernet(const Mac& source, const Mac& destination, std::uint16_t type, const Bytes& payload);
// The header of RFC 7348 with the I flag, then the inner frame. Goes into udp(any, 8472, …).
Bytes vxlan(std::uint32_t vni, const Bytes& inner_frame);

} // namespace fan::test
