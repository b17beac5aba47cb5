// How large an overlay packet may be.
#pragma once

#include <cstdint>

#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

inline constexpr std::uint32_t least_mtu = 576; // every IPv4 host takes as much (RFC 791); endpoints may count on it
// On a device with less there is no IPv6, nor a setting of it (IPV6_MIN_MTU, RFC 8200; net/ipv6/addrconf.c).
inline constexpr std::uint32_t least_ipv6_mtu = 1280;
inline constexpr std::uint32_t most_mtu = 65535; // an IPv4 packet's total length

// The MTU, in bytes of inner IP packet, that fits through a path of `path_mtu` bytes of outer IP packet.
// Error class host_state when less than least_mtu remains.
Result<std::uint32_t> fan_mtu(Encapsulation encapsulation, std::uint32_t path_mtu);

// The same for a whole spec. The largest overhead counts, of what the fan sends and of what it accepts: a fleet that
// moves from one encapsulation to the other has one MTU from the moment `accept` is set, and changing `type` host by
// host changes it for no endpoint. `mtu N` is taken as asked, but must fit (class usage otherwise).
Result<std::uint32_t> fan_mtu(const FanSpec& spec, std::uint32_t path_mtu);

} // namespace fan
