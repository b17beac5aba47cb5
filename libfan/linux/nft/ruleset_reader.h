// What `nft list ruleset` prints, as the filters that IPv4 packets and frames of bridges meet (core/firewall_rules.h).
// Pure.
#pragma once

#include <string_view>
#include <vector>

#include "core/firewall_rules.h"

namespace fan::nft {

// Tables of families ip, inet and bridge, our own and those put to sleep apart. Expects numeric protocols and
// priorities.
std::vector<firewall::Table> read_ruleset(std::string_view listing);

} // namespace fan::nft
