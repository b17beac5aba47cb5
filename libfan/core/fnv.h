// FNV-1a: short names of texts, the same in every build. No protection against those who look for two alike.
#pragma once

#include <cstdint>
#include <string_view>

namespace fan {

// `basis` and `prime` are those of the width of Word (draft-eastlake-fnv).
template <typename Word>
constexpr Word fnv1a(std::string_view text, Word basis, Word prime) {
  for (const char c : text) {
    basis = (basis ^ static_cast<unsigned char>(c)) * prime;
  }
  return basis;
}

constexpr std::uint32_t fnv1a_32(std::string_view text) {
  return fnv1a<std::uint32_t>(text, 0x811c9dc5U, 0x1000193U);
}

constexpr std::uint64_t fnv1a_64(std::string_view text) {
  return fnv1a<std::uint64_t>(text, 0xcbf29ce484222325U, 0x100000001b3U);
}

} // namespace fan
