// One rule as `nft list` prints it, read for what it does to a packet (core/firewall_rules.h). Pure. What is not
// understood becomes Subject::unknown or Action::unknown, never a guess.
#pragma once

#include <string_view>
#include <vector>

#include "core/firewall_rules.h"
#include "linux/nft/rule_words.h"

namespace fan::nft {

// A verdict map gives a rule for each of its keys; everything else one rule.
std::vector<firewall::Rule> read_rule(std::string_view line, const NamedSets& sets);

} // namespace fan::nft
