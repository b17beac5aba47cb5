// A fan whose underlay address has changed: what it keeps, and what a person has to know.
#pragma once

#include <string>
#include <vector>

#include "core/fan.h"
#include "engine/host.h"
#include "engine/provider.h"

namespace fan {

// `old` is the same overlay over the same underlay in words, wherever the words lead now. An underlay given as a
// network makes a fan of each of its addresses: none of them moves.
bool moves(const FanSpec& spec, const Fan& old);
// Nothing when there is none.
const Fan* moved_from(const FanSpec& spec, const std::vector<Fan>& recorded);

// `made` instead of `old`: the bridge stays with its ports, and so do their addresses as long as a port is attached.
void keep_what_is_attached(Fan& made, const Fan& old, const Facts& facts);

// What to say about a move: the slices, the ports, and the old addresses that were seen behind them.
std::string note_of_move(Provider& provider, const Fan& made, const Fan& old, const Facts& facts);

} // namespace fan
