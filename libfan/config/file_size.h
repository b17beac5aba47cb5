// How large a file of a configuration may be.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"

namespace fan {

// Class usage, with the file as its place: it is larger than `most` bytes.
Error file_too_large(const std::string& file, std::size_t most);

} // namespace fan
