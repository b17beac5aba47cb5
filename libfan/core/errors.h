// How the core says that something is wrong: short makers of Error values, and quoting that is safe on a terminal and
// in JSON whatever bytes the input had. No policy here: what is wrong is decided where it is found.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace fan {

inline Error make_error(ErrorClass kind, std::string message, std::string hint = {}) {
  Error e;
  e.kind = kind;
  e.message = std::move(message);
  e.hint = std::move(hint);
  return e;
}

inline Error usage_error(std::string message, std::string hint = {}) {
  return make_error(ErrorClass::usage, std::move(message), std::move(hint));
}

inline Error host_error(std::string message, std::string hint = {}) {
  return make_error(ErrorClass::host_state, std::move(message), std::move(hint));
}

// 'text' in single quotes. Bytes outside printable ASCII become \xNN, and what is longer than 64 bytes is cut with
// "...".
std::string quoted(std::string_view text);
// Without these, argument-dependent lookup prefers std::quoted wherever <iomanip> is included.
inline std::string quoted(const std::string& text) {
  return quoted(std::string_view(text));
}
inline std::string quoted(const char* text) {
  return quoted(std::string_view(text));
}

// The first ten names, comma-separated, and how many more there are: a bridge may have a thousand ports.
std::string some_of(std::span<const std::string> names);

} // namespace fan
