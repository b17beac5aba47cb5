// The two ways an overlay packet crosses the underlay, and the numbers that belong to each (docs/wire.md).
#pragma once

#include <cstdint>
#include <string_view>

#include "core/address.h"
#include "core/result.h"

namespace fan {

enum class Encapsulation : std::uint8_t { ipip = 0, vxlan = 1 };

// "ipip" or "vxlan".
std::string_view name_of(Encapsulation encapsulation);
Result<Encapsulation> parse_encapsulation(std::string_view text);

// Bytes added in front of the inner IP packet: ipip 20 (outer IPv4), vxlan 50 (IPv4 20, UDP 8, VXLAN 8, Ethernet 14).
unsigned overhead_of(Encapsulation encapsulation);

inline constexpr std::uint16_t default_vxlan_port =
    8472; // Linux's own default, not IANA's 4789; the fan always used it

// The default VNI of an overlay: (network >> 8) ^ 1, 24 bits. It differs on purpose from LXD's bridged fan (network >>
// 8).
constexpr std::uint32_t default_vni(const Prefix& overlay) {
  return (overlay.network().v4() >> 8U) ^ 1U;
}

} // namespace fan
