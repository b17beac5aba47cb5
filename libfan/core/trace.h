// The way of one packet through this host, hop by hop. Values; engine/trace.h finds them out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/packet.h"

namespace fan {

enum class Passing {
  passes,
  refused, // the packet ends here
  unknown, // it cannot be told; the way is followed as if it passed
};

struct Hop {
  // "source", "route", "table", "firewall", "program", "shortcut", "outer", "mtu", "neighbour", "port"
  std::string step;
  std::string device; // where; "" for nowhere in particular
  std::string text;   // for people
  Passing passing = Passing::passes;
  std::string reason = {}; // why it was refused, in a word: of the programs as `show --stats` has it; "no-route", ...
  std::optional<Outer> outer = {};
};

enum class TraceEnd {
  sent,      // left this host
  delivered, // came to a port of a bridge, or to this host itself
  refused,
};

struct Trace {
  Packet packet;
  std::vector<Hop> hops;
  TraceEnd end = TraceEnd::refused;
  std::string summary; // one line
};

} // namespace fan
