// Standard output and standard error of one run. Commands collect text here; it is written once, at the end, so that a
// reader who goes away (`fanctl up … | head -0`) cannot stop a command half way.
#pragma once

#include <string>

#include "core/result.h"

namespace fan::cli {

struct Console {
  std::string out;
  std::string err;
};

// Makes descriptors 0, 1 and 2 exist: a closed one would else be given to the next socket, and output be written into
// it. Those that were closed still refuse to be written to. SIGPIPE is ignored from here on, SIGCHLD is not.
void prepare_standard_streams();

// As many open files as this process may have: with a thousand ports there is a program for each.
void allow_many_files();

// Writes all of it, whatever write(2) takes at a time. An error has class kernel and the errno.
Result<void> write_all(int descriptor, const std::string& text);

} // namespace fan::cli
