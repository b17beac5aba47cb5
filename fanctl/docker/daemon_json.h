// Docker's /etc/docker/daemon.json, changed for a fan and changed back. Pure: text in, text out; every key that is not
// about the fan stays as it is, and in its place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/result.h"

namespace fan::cli::docker {

// What Docker is to know of the fan.
struct Settings {
  std::string bridge;
  std::uint32_t mtu = 0;           // bytes of IP packet
  Prefix slice;                    // addresses outside it are of no use on this bridge
  std::optional<Prefix> addresses; // what Docker may hand out of it; nothing: all of the slice
  bool iptables = true;            // Docker keeps its own rules
};

// One key as it was and as it is now, as JSON text; nothing: absent.
struct KeyChange {
  std::string key;
  std::optional<std::string> before;
  std::optional<std::string> after;
  auto operator<=>(const KeyChange&) const = default;
};

struct Merged {
  std::string text;
  std::vector<KeyChange> changes; // in the order of their keys' making
};

// `text` empty: there is no file yet. `earlier`: what a former merge changed; it is taken back first, so that its keys
// keep what they were before that one. Error (host_state, with line and column): not a JSON object.
Result<Merged> merge(std::string_view text, const std::vector<KeyChange>& earlier, const Settings& wanted);

struct Restored {
  std::string text;              // "" when nothing is left in it
  std::vector<std::string> kept; // keys that somebody changed since, left as they are
};

// Takes `changes` back. Errors as merge().
Result<Restored> restore(std::string_view text, const std::vector<KeyChange>& changes);

} // namespace fan::cli::docker
