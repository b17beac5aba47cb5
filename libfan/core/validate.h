// May this fan come up on this host? Everything that can be told from values alone, before anything is touched.
#pragma once

#include <vector>

#include "core/facts.h"
#include "core/fan.h"
#include "core/result.h"

namespace fan {

// `others` are the fans that will be up beside this one; an earlier state of this one among them does no harm. Of an
// `up` that makes several fans at once, pass the new states. The first problem is reported; each message says what to
// change. Class usage for what was typed, host_state for what is on the host.
Result<void> validate(const Fan& fan, const std::vector<Fan>& others, const Facts& facts);

} // namespace fan
