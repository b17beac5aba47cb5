// One entry of a table of the old iptables as a rule. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "core/firewall_rules.h"

namespace fan::nft {

// Offset of a chain's first entry -> its name.
using LegacyChains = std::map<std::uint32_t, std::string>;

// Precondition: `entry` is one struct ipt_entry with its matches and its target, with offsets that are inside of it.
firewall::Rule read_legacy_rule(std::span<const std::byte> entry, const LegacyChains& chains);

// The name that a chain's head carries; nothing for an entry that is no head.
std::optional<std::string> legacy_head(std::span<const std::byte> entry);

} // namespace fan::nft
