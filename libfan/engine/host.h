// One look at the host: its facts, the fans recorded in its kernel, and the objects they should and do consist of.
#pragma once

#include <vector>

#include "core/derive.h"
#include "core/facts.h"
#include "core/fan.h"
#include "core/object.h"
#include "core/result.h"
#include "engine/provider.h"

namespace fan {

struct Host {
  Facts facts;
  std::vector<Fan> fans;         // by slice
  bool complete = true;          // false: known from aliases only, which hold less than the whole record may
  std::vector<Error> unreadable; // fans that are there and that this fanctl cannot read, one each
};

// Reads facts and records. A fan is known from the record map or from its bridge's alias; either restores the other.
Result<Host> look(Provider& provider);
// For whoever is going to change something: what cannot be read would be taken for what nobody wants. The first of
// Host::unreadable is an error.
Result<Host> look_to_change(Provider& provider);

// The plan that takes the host from what is observed to exactly `after`. `before` are the recorded fans. One that is
// known in part, and that `after` still has, is left as it is: what only such fans consist of is neither made nor
// altered, also where it is somebody else's by now, and nothing is removed but what the other fans of `before`
// consisted of.
Result<std::vector<Change>> plan_to(Provider& provider, const Facts& facts, const std::vector<Fan>& before,
                                    const std::vector<Fan>& after);

// The same with another registry of ports afterwards, in `facts_after`.
Result<std::vector<Change>> plan_to(Provider& provider, const Facts& facts, const std::vector<Fan>& before,
                                    const Facts& facts_after, const std::vector<Fan>& after);

// What `fanctl down` takes for this fan.
std::string name_for_down(const Fan& fan);

// known_in_part() as a line.
std::string note_of_part(const Fan& fan);

// Devices whose master is `bridge`.
std::vector<std::string> ports_of(const Facts& facts, const std::string& bridge);
// And the routed ports of its endpoints, as far as they are there.
std::vector<std::string> users_of(const Facts& facts, const Fan& fan);
// Class in_use: names the bridge and these ports.
Error still_used(const Fan& fan, const std::vector<std::string>& ports, std::string hint);

} // namespace fan
