#include "fanctl/descriptor.h"

#include <cerrno>

namespace fan::cli {

std::optional<std::string> read_text(int descriptor, std::size_t most) {
  std::string text;
  std::string part(65536, '\0');
  while (text.size() <= most) {
    const ssize_t got = read(descriptor, part.data(), part.size());
    if (got < 0 && errno != EINTR) {
      return std::nullopt;
    }
    if (got == 0) {
      break;
    }
    text.append(part, 0, got < 0 ? 0 : static_cast<std::size_t>(got));
  }
  return text;
}

} // namespace fan::cli
