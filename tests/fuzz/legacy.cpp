// /etc/network/fan: a broken line is an error in its place and leaves the other lines as they are.
#include "config/legacy_file.h"
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lines = fan::parse_legacy(fan::fuzz::text_of(data, size), "fan");
  fan::fuzz::require(lines.ok(), "a text that is not too large is read");
  int last = 0;
  for (const fan::LegacyLine& line : *lines) {
    fan::fuzz::require(line.place.line > last, "lines come in the order of the file");
    last = line.place.line;
    if (line.spec.ok()) {
      fan::fuzz::require_round_trip(*line.spec);
    } else {
      fan::fuzz::require_placed(line.spec.error());
    }
  }
  return 0;
}
