// The lines that findings print for a person to paste into a root shell. Names of devices and files may hold any byte:
// each is one word of sh here, whatever is in it.
#pragma once

#include <cstdint>
#include <string>

#include "core/fan_spec.h"

namespace fan::doctor {

std::string up_line(const FanSpec& spec);                                  // "fanctl up 250.0.0.0/8 eth0/16 dhcp"
std::string mtu_line(const std::string& device, std::uint32_t mtu);        // "ip link set dev eth0 mtu 1500"
std::string sysctl_line(const std::string& key, const std::string& value); // of core/object.h's Sysctl: slashes

} // namespace fan::doctor
