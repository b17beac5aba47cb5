// Errors as a person reads them: message, the place with a caret, what the kernel said, and what to do. Whatever bytes
// came in, only printable text goes out.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace fan::cli {

// `text` with every control character and every byte that is no UTF-8 as \xNN. Newlines are control characters here.
std::string printable(std::string_view text);

// "fanctl: up 250.0.0.0/8 eth0/16: no device eth0 on this host\n    hint: ...\n"
std::string error_text(const Error& error);

// "fanctl: note: TEXT\n"
std::string note_text(std::string_view note);

} // namespace fan::cli
