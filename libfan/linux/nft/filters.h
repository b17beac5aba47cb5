// Reads every packet filter of the network namespace: nftables, and the old iptables beside it. Changes nothing: a
// table of the old iptables that is not there is not asked for, as asking makes it.
#pragma once

#include "core/firewall_rules.h"
#include "core/result.h"
#include "linux/nft/context.h"

namespace fan::nft {

Result<firewall::Filters> read_filters(Context& context);

} // namespace fan::nft
