// `fanctl show --json`. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/requests.h"
#include "fanctl/world.h"

namespace fan::cli {

struct ShowView {
  Status status;
  std::optional<std::vector<TrafficCount>> counts; // only where asked for
  std::optional<std::vector<RefusedPeer>> refused;
};

// The document of docs/schema/fanctl-1.json, definition "show".
std::string show_document(const ShowView& view);

} // namespace fan::cli
