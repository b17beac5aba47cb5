// From what was asked to the fans that this host shall have: asks the kernel what the core cannot know, validates
// everything, writes nothing.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "core/fan_spec.h"
#include "core/result.h"
#include "engine/host.h"
#include "engine/provider.h"

namespace fan {

struct Resolution {
  std::vector<Fan> asked;         // what the spec means on this host
  std::vector<Fan> gone;          // recorded fans that they take the place of, earlier states of themselves among them
  std::vector<Fan> after;         // those asked for and the other recorded ones, ordered by slice
  std::vector<std::string> notes; // choices that were made
};

// `instead_of`: recorded fans that are not to stay. A fan that is recorded under the same overlay and underlay as
// typed, or with the same networks and slice, is replaced. Errors: whatever makes the request impossible on this host,
// before anything is touched.
Result<Resolution> resolve(Provider& provider, const FanSpec& spec, const Host& host,
                           const std::vector<Fan>& instead_of = {});

} // namespace fan
