// The names and Ethernet addresses of the devices that a fan makes, and what a device may be called. Pure: nothing here
// knows which devices there are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/address.h"
#include "core/encapsulation.h"
#include "core/facts.h"
#include "core/result.h"

namespace fan {

inline constexpr std::size_t longest_device_name = 15; // IFNAMSIZ - 1

// "fan-" and the slice's network with '-' for '.' and trailing "-0" groups removed: 250.0.28.0/24 gives "fan-250-0-28".
// Where that is over 15 bytes, "fan-" and the network as 8 hex digits: 33.240.16.32/28 gives "fan-21f01020".
std::string bridge_name(const Prefix& slice);

// "fanip" for ipip; "fanvx" and the UDP port for vxlan. Never begins with "fan-": scripts take the one device that does
// for the fan bridge. `port` in host byte order, ignored for ipip.
std::string tunnel_name(Encapsulation encapsulation, std::uint16_t port);

// True for what the kernel lets a device be called (net/core/dev.c, dev_valid_name), "all" and "default" apart, which
// mean something else under /proc/sys/net. For devices that are there already.
bool is_device_name(std::string_view name);

// May we call a device so? Stricter than is_device_name: letters, digits and "._-+@=" only, so that the name can stand
// in an nft set, a sysctl key and a shell line as it is. Class usage; the message says what is wrong.
Result<void> validate_device_name(std::string_view name);

// 02:fa and the slice's gateway address.
Mac bridge_mac(const Prefix& slice);
// 02:fa and this host's underlay address. It has to differ between any two hosts, because vxlan drops a frame whose
// source is its own device's address; it differs from bridge_mac as overlay and underlay never overlap.
Mac tunnel_mac(Address host);

// Does the device bear our sign, link group and MAC prefix? ipip devices have no Ethernet address: group alone.
bool is_ours(const LinkFact& link);

// The shell command that gives a device its sign back. `mac`: all zeros for an ipip device, which has no Ethernet
// address.
std::string sign_command(const std::string& device, const Mac& mac);

} // namespace fan
