// What people have said about ports, as the objects that the kernel is to have. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/facts.h"
#include "core/fan.h"
#include "core/object.h"

namespace fan {

// Everything that the registry of `facts` comes to on bridges of `fans`, with this build of the programs: the table,
// its elements, neighbours, entries and flags of ports. Nothing when it says nothing about any of them. What is said of
// a port that is not there, or not a port of its fan's bridge, stays in the table alone. Put where they belong at once,
// as there may be thousands: what is in `objects` already stays as it is.
void derive_ports(ObjectSet& objects, const std::vector<Fan>& fans, const Facts& facts, const std::string& program);

// Of a routed endpoint: whether more of it than the record is to be there. Its device is there and no bridge's port,
// and its address is of the fan's slice.
bool is_routed_to(const Registration& endpoint, const Fan& fan, const Facts& facts);

// Settings of a device with routed endpoints (Documentation/networking/ip-sysctl.rst).
std::string proxy_key(const std::string& device);
std::string proxy_delay_key(const std::string& device);

// fe80::/64 and the EUI-64 of the address (RFC 4291, appendix A), in network byte order.
std::array<std::uint8_t, 16> link_local_of(const Mac& mac);

} // namespace fan
