// The fans of /etc/network/fan, or of a file like it, for `up -a`.
#pragma once

#include <string>
#include <vector>

#include "core/fan_spec.h"
#include "core/result.h"

namespace fan::cli {

inline constexpr const char* default_configuration = "/etc/network/fan";

struct ConfiguredFan {
  TextPlace place;
  Result<FanSpec> spec; // with the flag `auto` and its origin
};

// The text of a file, or of standard input for "-"; at most a byte more than a configuration may have. Class
// host_state.
Result<std::string> read_whole(const std::string& path);

// `named`: what --config said, or empty for the default, which may be absent: then there are no fans. A file that was
// named must be there (class host_state). A line that is wrong is an element with an error; the others are not
// disturbed.
Result<std::vector<ConfiguredFan>> read_configuration(const std::vector<std::string>& named);

} // namespace fan::cli
