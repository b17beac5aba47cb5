// What has to hold for any bytes, said once for all fuzz programs. Only what the parsers promise in their headers.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/fan_spec.h"
#include "core/result.h"
#include "core/words.h"

namespace fan::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void require(bool holds, const char* property) {
  if (!holds) {
    (void)std::fprintf(stderr, "broken: %s\n", property);
    std::abort();
  }
}

inline void require_placed(const Error& error) {
  require(!error.message.empty(), "an error says something");
  require(error.kind == ErrorClass::usage, "what a person typed wrong is a usage error");
  require(error.place.has_value() && error.place->line >= 1 && error.place->column >= 1, "an error has its place");
}

// The words of an accepted spec are that spec again.
inline void require_round_trip(const FanSpec& spec) {
  const Result<FanSpec> again = parse_words(words_of(spec));
  require(again.ok() && *again == spec, "a spec survives its own words");
}

} // namespace fan::fuzz
