#include "core/encapsulation.h"

#include "core/errors.h"

namespace fan {

std::string_view name_of(Encapsulation encapsulation) {
  return encapsulation == Encapsulation::ipip ? "ipip" : "vxlan";
}

Result<Encapsulation> parse_encapsulation(std::string_view text) {
  for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan})
    if (text == name_of(e))
      return e;
  return usage_error(quoted(text) + " is not an encapsulation", "there are two: ipip and vxlan");
}

unsigned overhead_of(Encapsulation encapsulation) {
  return encapsulation == Encapsulation::ipip ? 20 : 50;
}

} // namespace fan
