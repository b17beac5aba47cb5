#include "fanctl/output/utf8.h"

#include <cstdint>

namespace fan::cli {

namespace {

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

std::uint32_t bits(char c, std::uint32_t mask) {
  return static_cast<unsigned char>(c) & mask;
}

// The length that a first byte announces, 0 for one that cannot be a first byte.
std::size_t announced(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
}

// Not longer than need be, no surrogate, nothing above U+10FFFF (RFC 3629). Precondition: as many bytes as announced.
bool allowed(std::string_view character) {
  if (character.size() == 3) {
    const std::uint32_t start = bits(character[0], 0x0f) << 6U | bits(character[1], 0x3f);
    return start >= 0x20 && (start < 0x360 || start > 0x37f);
  }
  if (character.size() == 4) {
    const std::uint32_t start = bits(character[0], 0x07) << 6U | bits(character[1], 0x3f);
    return start >= 0x10 && start < 0x110;
  }
  return true;
}

} // namespace

std::size_t utf8_length(std::string_view text) {
  const std::size_t length = announced(text.front());
  if (length == 0 || length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text[i])) {
      return 0;
    }
  }
  return allowed(text.substr(0, length)) ? length : 0;
}

} // namespace fan::cli
