// The words that may follow OVERLAY UNDERLAY, as a table: what each is called, whether it takes an argument, and what
// it does to a spec. words.cpp reads it, and config/fan_file.cpp, whose keys it gives a meaning to.
#pragma once

#include <string_view>

#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

// `argument` is what a person is told is missing; nullptr: takes none. `repeats`: may be given more than once.
struct Flag {
  const char* name;
  const char* argument;
  Result<void> (*take)(FanSpec&, std::string_view);
  bool repeats = false;
};

// nullptr when there is none of this name.
const Flag* find_flag(std::string_view word);

// Names the flag that was probably meant, or all of them.
Error unknown_flag(std::string_view word);

} // namespace fan
