// The networks that Docker takes addresses for its own bridges from, and whether a fan meets them. Pure.
// Source: moby libnetwork ipamutils (the built-in pools) and `default-address-pools` and `bip` of dockerd(8).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"

namespace fan::cli::docker {

// What daemon.json says, "" when there is none: `default-address-pools`, else the built-in ones, and the network of
// `bip`. What cannot be read counts as not said: Docker itself complains about it.
std::vector<Prefix> address_pools(std::string_view daemon_json);

// A note for a person when one of `pools` meets a network of the fan: which, and the line for daemon.json that moves
// Docker out of the way, with a pool that meets neither the overlay nor the underlay.
std::optional<std::string> meeting(const std::vector<Prefix>& pools, const Prefix& overlay, const Prefix& underlay);

} // namespace fan::cli::docker
