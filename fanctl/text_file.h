// Small text files that commands read and replace whole: a reader sees the old text or the new, whatever happens.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/result.h"

namespace fan::cli {

inline constexpr std::size_t largest_text_file = 1 << 20; // bytes

// The file that a chain of symbolic links names, whether it is there or not; `path` where there is none, or where it
// leads nowhere.
std::string behind_links(const std::string& path);

// The whole text; nothing when there is no such file. Errors (host_state or privilege, with errno): it cannot be read,
// is no regular file, or is larger than largest_text_file.
Result<std::optional<std::string>> read_text_file(const std::string& path);

// The last lines, `most` bytes at most: of one that others write to and that may be of any size. A symbolic link is
// none. Else as read_text_file.
Result<std::optional<std::string>> read_end_of_text_file(const std::string& path, std::size_t most);

// Writes `text` beside `path`, flushes it to disk and renames it over `path`. An existing file keeps its mode, owner
// and group; a new one belongs to root and has `mode`. Directories that are missing are made (0755). A symbolic link is
// followed, so that the link stays and what it names is replaced. On error (host_state or privilege, with errno) the
// old file is as it was, and of directories that were missing none is left.
Result<void> replace_text_file(const std::string& path, const std::string& text, mode_t mode = 0644);

// As replace_text_file, for a file that others read and that a crash may take: mode 0644 and this process's owner
// whatever was there, not flushed to disk. No symbolic link is followed at the last part of `path`: in a folder that is
// somebody else's it is the link that is replaced. The folder has to be there. Class host_state: what is there is
// neither a regular file nor a link to one, and stays.
Result<void> publish_text_file(const std::string& path, const std::string& text);

// `to` is in the same folder, so this takes no room. On error (host_state or privilege, with errno) nothing is done.
Result<void> rename_text_file(const std::string& path, const std::string& to);

// Removes it; that it is not there is no error. Of a symbolic link what it names: what replace_text_file() made.
Result<void> remove_text_file(const std::string& path);

} // namespace fan::cli
