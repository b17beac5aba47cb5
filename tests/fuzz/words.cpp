// A command line's words, as one text that blanks divide.
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> words = fan::split_words(fan::fuzz::text_of(data, size));
  const fan::Result<fan::FanSpec> spec = fan::parse_words(words);
  if (!spec.ok()) {
    fan::fuzz::require(!spec.error().message.empty(), "an error says something");
    fan::fuzz::require(spec.error().kind == fan::ErrorClass::usage, "what a person typed wrong is a usage error");
    return 0;
  }
  fan::fuzz::require_round_trip(*spec);
  return 0;
}
