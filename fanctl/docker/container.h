// A container's MAC addresses, asked of Docker by its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace fan::cli::docker {

inline constexpr const char* api_socket = "/run/docker.sock";

// Docker's rule for names and IDs: a letter or a digit, and then these, `_`, `.` and `-`.
[[nodiscard]] bool may_be_a_container(std::string_view name);

// What GET /containers/NAME/json answered, taken apart. `answer`: the whole HTTP answer. Class not_found: there is no
// such container. Class host_state: it is not running, or is on no network of Docker's, or the answer cannot be
// followed. Pure.
Result<std::vector<std::string>> macs_in(std::string_view answer, const std::string& name);

// The MAC addresses of a running container, of all its networks. Errors: as macs_in(), and class host_state with the
// system's own words where Docker does not answer. Waits 5 seconds at most for each part of the answer.
Result<std::vector<std::string>> macs_of(const std::string& name, const std::string& socket = api_socket);

} // namespace fan::cli::docker
