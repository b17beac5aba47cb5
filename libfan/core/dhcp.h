// The DHCP server of a fan bridge: the whole configuration as arguments of dnsmasq. Pure: nothing is started here.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "core/object.h"

namespace fan {

// An argument of ours begins like this: dnsmasq puts the tag "fanctl" on what it hands out, and it tells our servers
// from others.
inline constexpr const char* dhcp_sign = "--dhcp-range=set:fanctl,";
inline constexpr const char* dhcp_lease_option = "--dhcp-leasefile=";
inline constexpr const char* dhcp_interface_option = "--interface=";

// dnsmasq's arguments, without the program's name. It hands out the pool `dhcp`; where there is none, the slice's
// addresses from `reserve` + 1 to the one below the broadcast address. Also forwards DNS on the gateway, to the servers
// of the host's /etc/resolv.conf, and with `domain` knows a name for each address of the overlay; reads nothing else of
// the system. `state_directory` takes the lease file BRIDGE.leases. Precondition: the slice has at least one address
// beyond the reserve (core/validate.h).
std::vector<std::string> dhcp_argv(const Fan& fan, const std::string& state_directory);

// A server that died leaves its leases, which the next one takes over and `down` removes. That state is a DhcpServer
// too, with the option that names the lease file and no other.
DhcpServer dead_server(const std::string& bridge, const std::string& lease_file);
bool is_dead(const DhcpServer& server);
// "" where the arguments name none.
std::string lease_file_of(const DhcpServer& server);

} // namespace fan
