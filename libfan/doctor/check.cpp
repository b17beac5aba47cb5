#include "doctor/check.h"

#include <array>

#include "doctor/checks.h"

namespace fan::doctor {
namespace {

// What is wrong by itself comes first, then what lies around it.
constexpr std::array table{
    Check{"drift", "the fan's own objects, against what they should be", check_drift},
    Check{"firewall", "the fan's packets in the filters of others", check_firewall},
    Check{"mtu", "the MTU of underlay, tunnel, bridge and every port", check_mtu},
    Check{"reserved-space", "whether other systems take the overlay for reserved", check_reserved},
};

} // namespace

std::span<const Check> checks() {
  return table;
}

Findings examine(const Evidence& evidence) {
  Findings findings;
  for (const Check& check : table) {
    findings.begin(check.id);
    check.run(evidence, findings);
  }
  return findings;
}

} // namespace fan::doctor
