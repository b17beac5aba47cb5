// Follows a packet through this host: where it comes from, the routes, our table and other people's firewalls, our
// programs on the very maps that are in use, path and neighbour. Reads only. May not: judge what a fan should be; that
// is status().
#pragma once

#include "core/result.h"
#include "core/trace.h"
#include "engine/packet_view.h"
#include "engine/provider.h"

namespace fan {

// Errors: usage (an address that is no single machine's, a size that is too small), host_state (no fan is up; a program
// cannot be run because it is another build's), privilege, kernel. A refused packet is no error.
Result<Trace> trace(Provider& provider, PacketView& view, const Packet& packet);

} // namespace fan
