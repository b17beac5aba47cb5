#include "config/file_size.h"

#include <fmt/format.h>

#include "core/errors.h"

namespace fan {

Error file_too_large(const std::string& file, std::size_t most) {
  Error error = usage_error(fmt::format("a configuration has at most {} bytes, and this has more", most),
                            "is this the right file?");
  error.place = TextPlace{file, 0, 0, {}};
  return error;
}

} // namespace fan
