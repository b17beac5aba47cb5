// What may be said about the DHCP and DNS server of a fan bridge: how long a lease is and which domain the names of the
// overlay are in. Values only; the server's arguments are core/dhcp.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace fan {

inline constexpr std::uint32_t default_lease = 3600;            // seconds
inline constexpr std::uint32_t least_lease = 120;               // dnsmasq makes less into this
inline constexpr std::uint32_t endless_lease = 0xffffffff;      // "infinite" (RFC 2131 section 3.3)
inline constexpr std::uint32_t longest_lease = 365 * 24 * 3600; // other than endless

// "3600", "90m", "12h", "7d", "infinite": seconds. Class usage.
Result<std::uint32_t> parse_lease(std::string_view text);
// In the largest unit that is exact; parses back to the same number.
std::string lease_text(std::uint32_t seconds);

// "fan.internal": letters, digits and '-' between dots (RFC 1123 section 2.1), small letters, no dot at the end.
Result<std::string> parse_domain(std::string_view text);

} // namespace fan
