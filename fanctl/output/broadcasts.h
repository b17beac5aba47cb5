// Whose broadcasts bridges copy, and to whom, as text and JSON. Pure.
#pragma once

#include <span>
#include <string>

#include "engine/requests.h"
#include "fanctl/output/json.h"

namespace fan::cli {

// "copied only from 02:00:00:00:00:01 on veth1, to everybody"
std::string broadcast_words(const BroadcastStatus& status);

// {"from": ..., "allowed": ..., "to": ..., "receivers": ...}
Json to_json(const BroadcastStatus& status);

// `fanctl broadcast list`: one line a bridge.
std::string broadcast_table(std::span<const BroadcastStatus> all);
// The document of docs/schema/fanctl-1.json, definition "broadcasts".
std::string broadcast_document(std::span<const BroadcastStatus> all);

} // namespace fan::cli
