// Endpoints as lines of JSON: {"port": "veth1", "address": "250.0.28.2", "mac": "02:00:00:00:00:01"}, and optional
// "secure", "allow" and "routed". The objects of `endpoint list --json` are such lines, too. Pure.
#pragma once

#include <string>
#include <vector>

#include "engine/port_requests.h"

namespace fan::cli {

inline constexpr std::size_t largest_endpoint_file = 1 << 20; // bytes; what reading stops at

// Every line; empty ones and those that begin with # are passed over. The first bad line is an error of class usage
// with `name`, line and column. Nothing is said of the host: whether a port is there is found out later.
Result<std::vector<EndpointRequest>> parse_endpoints(const std::string& name, const std::string& text);

// One endpoint of words as they stand on a command line or in a line of JSON.
Result<EndpointRequest> endpoint_of(const std::string& port, const std::string& address, const std::string& mac,
                                    bool secure, const std::vector<std::string>& allow, bool routed = false);

} // namespace fan::cli
