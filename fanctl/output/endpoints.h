// Registered endpoints as text and as JSON. Pure.
#pragma once

#include <span>
#include <string>

#include "engine/port_requests.h"

namespace fan::cli {

// A header and one line an endpoint; a port that is not there, or no port of the fan's bridge, is said to be so.
std::string endpoint_table(std::span<const EndpointStatus> endpoints);
// {"schema": 1, "command": "endpoint", "endpoints": [...]}
std::string endpoint_document(std::span<const EndpointStatus> endpoints);

} // namespace fan::cli
