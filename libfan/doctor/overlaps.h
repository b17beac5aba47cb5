// Two fans that `up` would not have side by side, as each has addresses of the other.
#pragma once

#include "core/fan.h"

namespace fan::doctor {

bool have_addresses_in_common(const Fan& first, const Fan& second);

} // namespace fan::doctor
