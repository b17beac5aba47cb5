// Files of a configuration that fanctl writes itself: whole or not at all, and never over somebody else's work.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace fan::cli {

// The first line of a file that fanctl wrote and may write again.
inline constexpr std::string_view our_sign =
    "# Written by fanctl, which may write it again. Remove this line to keep it "
    "as it is.\n";

// Nothing where there is no such file; class host_state where it is somebody else's or cannot be read.
Result<std::optional<std::string>> read_ours(const std::string& path);

// Mode 0644, by a new file that takes the old one's place; the folder is made where it is missing. Refuses to replace a
// file that has not our sign (class host_state).
Result<void> write_ours(const std::string& path, const std::string& text);
Result<void> remove_ours(const std::string& path);

// A file that is about to be removed goes out of sight first, which takes no room, so that it can come back whatever
// becomes of the disk meanwhile. Error (host_state or privilege, with errno): it is where it was.
Result<void> set_aside(const std::string& path);
Result<void> bring_back(const std::string& path);
Result<void> remove_set_aside(const std::string& path);
// After a process that was killed in between: it is back, unless there is another in its place by now.
Result<void> recover_set_aside(const std::string& path);

} // namespace fan::cli
