// Starts a program that goes into the background by itself. No shell, no PATH.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace fan::service {

// The first of /usr/sbin, /usr/bin, /sbin, /bin, /usr/local/sbin that holds an executable of this name; empty when none
// does.
std::string find_program(const std::string& name);

// Runs `path` with a session, working directory, environment and signal state of its own and no descriptor of ours,
// until it has gone into the background (its first process ended with status 0). Otherwise an Error (class host_state)
// with what it printed on standard error as kernel_text. Waits 30 seconds at most. An Error for the exit status 1, by
// which some programs say no, has the class `status_one`.
Result<void> launch(const std::string& path, const std::vector<std::string>& argv,
                    ErrorClass status_one = ErrorClass::host_state);

// As launch(), and gives what it printed, the first 4 KiB of standard output and standard error together.
Result<std::string> ask(const std::string& path, const std::vector<std::string>& argv);

} // namespace fan::service
