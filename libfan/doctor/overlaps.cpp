#include "doctor/overlaps.h"

#include <fmt/format.h>

#include "core/render.h"
#include "doctor/checks.h"

namespace fan::doctor {

bool have_addresses_in_common(const Fan& first, const Fan& second) {
  const Prefix& one = first.mapping.overlay();
  const Prefix& other = second.mapping.overlay();
  return first.slice().overlaps(second.slice()) || (one != other && one.overlaps(other));
}

void check_overlaps(const Evidence& evidence, Findings& findings) {
  for (std::size_t a = 0; a < evidence.all.size(); ++a) {
    for (std::size_t b = a + 1; b < evidence.all.size(); ++b) {
      const Fan& first = evidence.all[a];
      const Fan& second = evidence.all[b];
      if (!have_addresses_in_common(first, second)) {
        continue;
      }
      Finding finding;
      finding.subject = second.bridge;
      finding.what = fmt::format("this fan and {} have addresses in common", first.bridge);
      finding.evidence = {
          fmt::format("{}: {} of {}", first.bridge, first.slice().str(), first.mapping.overlay().str()),
          fmt::format("{}: {} of {}", second.bridge, second.slice().str(), second.mapping.overlay().str())};
      finding.consequence = "packets to these addresses go to one of the two";
      finding.fix = "fanctl down " + shell_word(second.bridge);
      findings.add(std::move(finding));
    }
  }
}

} // namespace fan::doctor
