// Which changes of a plan are whose, where several requests came to it.
#pragma once

#include <vector>

#include "core/derive.h"
#include "core/facts.h"
#include "core/fan.h"
#include "core/object.h"

namespace fan {

// The fans that one request brings, and those that go for it.
struct Party {
  std::vector<Fan> comes;
  std::vector<Fan> goes;
};

// One for each party, in their order: as if each had been asked for when those before it were done. So what several
// fans consist of comes with the first one and goes with the last, and one after the other the shares lead to where the
// plan does. What is nobody's is the first party's.
std::vector<std::vector<Change>> shares_of(std::vector<Change> plan, const std::vector<Party>& parties,
                                           const Facts& facts, const Builds& builds);

} // namespace fan
