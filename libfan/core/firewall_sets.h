// The sets and maps of table `inet fanctl`: the only part of the firewall that differs from host to host. The rules
// (core/ruleset.h) are constant and read these. Pure: names, and the elements that fans ask for.
//
// Element texts are exactly what `nft list` prints with numeric protocols, so that desired and observed compare as
// text: a prefix as 250.0.28.0/24, a single address without /32, a device name in double quotes, a mark as 0x0fa70000.
#pragma once

#include <string>
#include <vector>

#include "core/address.h"
#include "core/fan.h"
#include "core/object.h"

namespace fan {

namespace firewall {
//                                             element                               example
inline constexpr const char* overlays = "overlays";           // every mapping's overlay               250.0.0.0/8
inline constexpr const char* slices = "slices";               // the slices of this host               250.0.28.0/24
inline constexpr const char* nat_slices = "nat_slices";       // those that leave translated           250.0.28.0/24
inline constexpr const char* exposed = "exposed";             // open to new connections from outside  250.0.28.5
inline constexpr const char* shortcuts = "shortcuts";         // those that take the shortcut          250.0.28.0/24
inline constexpr const char* bridges = "bridges";             // fan bridges                           "fan-250-0-28"
inline constexpr const char* bridge_slices = "bridge_slices"; // bridge . slice          "fan-250-0-28" . 250.0.28.0/24
inline constexpr const char* port_addresses = "port_addresses"; // routed port . its own or the gateway's address
inline constexpr const char* open_slices = "open_slices";       // not isolated                          250.0.28.0/24
// Of fans with host-access: where endpoints come from, and what they may still ask. 6 and 17 are TCP and UDP.
inline constexpr const char* closed_bridges = "closed_bridges"; //                                   "fan-250-0-28"
inline constexpr const char* closed_slices = "closed_slices";   //                                   250.0.28.0/24
inline constexpr const char* pinged = "pinged";                 // device . gateway     "fan-250-0-28" . 250.0.28.1
inline constexpr const char* served = "served"; // bridge . address . protocol . port ... . 250.0.28.1 . 17 . 53
inline constexpr const char* no_metadata = "no_metadata"; // with block-metadata                   "fan-250-0-28"
inline constexpr const char* tunnels = "tunnels";         // tunnel devices                        "fanvx8472"
inline constexpr const char* protocols = "protocols";     // 4 when a fan receives ipip            4
inline constexpr const char* ports = "ports";             // UDP ports of vxlan                    8472
inline constexpr const char* underlays = "underlays";     // device . own address                  "eth0" . 172.30.0.28
inline constexpr const char* underlay_nets = "underlay_nets"; // where peers are                       172.30.0.0/16
inline constexpr const char* gateways = "gateways"; // map: overlay : gateway                250.0.0.0/8 : 250.0.28.1
} // namespace firewall

// The texts of elements, as nft prints them.
std::string prefix_element(const Prefix& prefix);      // "250.0.28.0/24", "250.0.28.5" for a /32
std::string device_element(const std::string& device); // with quotes

// The elements that one fan needs. Prefixes of one set do not overlap.
std::vector<SetElement> firewall_elements(const Fan& fan);

// What a device needs that is no port of the fan's bridge, with one endpoint behind it: it may send from that address.
std::vector<SetElement> routed_elements(const Fan& fan, const std::string& port, Address endpoint);

// The elements that all of `fans` need, without doubles. The kernel refuses overlapping prefixes in one set, so an
// underlay that lies inside another fan's underlay is left to the larger one. Of two fans with one overlay the first
// gives the gateway. Precondition: the fans are valid together (core/validate.h).
std::vector<SetElement> firewall_elements(const std::vector<Fan>& fans);

// False for elements of sets of single values, of which no two can be in each other's way.
bool holds_intervals(const SetElement& element);

// Two elements of one set that the kernel may not hold at the same time: different ones whose prefixes overlap, or of
// IPv6, which are not looked into, that have one device.
bool elements_clash(const SetElement& a, const SetElement& b);

} // namespace fan
