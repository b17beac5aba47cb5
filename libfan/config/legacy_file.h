// /etc/network/fan: one fan a line, OVERLAY UNDERLAY [flags], '#' begins a comment anywhere. Text in, specs out:
// reading the file is somebody else's task.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

inline constexpr std::size_t largest_legacy_file = 1 << 20; // bytes; 10,000 fans of 100 bytes
inline constexpr std::size_t longest_legacy_line = 1024;    // bytes

// A line that is neither empty nor a comment. A broken one does not disturb the others.
struct LegacyLine {
  TextPlace place; // the line; an error in `spec` has the column too
  Result<FanSpec> spec;
};

// In the order of the file. Lines end in LF or CRLF; the last need not. `file` is its name for messages. Refuses only a
// text above largest_legacy_file (class usage).
Result<std::vector<LegacyLine>> parse_legacy(std::string_view text, const std::string& file);

} // namespace fan
