// Values as `nft list` prints them beside a subject, read as what they stand for. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/firewall_rules.h"

namespace fan::nft {

// A condition on `subject`; Subject::unknown where a value is not understood or there is none.
firewall::Condition condition_of(firewall::Subject subject, const std::vector<std::string>& values, bool negated);

// A condition on the IP protocol.
firewall::Condition protocol_is(std::uint32_t number);

} // namespace fan::nft
