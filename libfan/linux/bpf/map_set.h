// The maps that all programs of one network namespace share, held by descriptor. They live as long as a filter's
// program or one of these holds them: nothing is pinned.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/result.h"
#include "linux/bpf/codec.h"
#include "linux/bpf/failure.h"
#include "linux/bpf/fd.h"

namespace fan::bpf {

enum class MapRole { mappings, slices, never, known, devices, counters, refused, answers, records, bridges };
inline constexpr std::size_t map_role_count = 10;
const char* name_of(MapRole role);

// Maps by role; `complete` sets are of this binary's ABI. An older ABI's set has its records only.
struct MapSet {
  std::array<Fd, map_role_count> fds;
  std::array<std::uint32_t, map_role_count> ids{};

  [[nodiscard]] int fd(MapRole role) const { return fds.at(static_cast<std::size_t>(role)).get(); }
  [[nodiscard]] bool complete() const;
};

// New, empty maps of the embedded object. Errors: failure().
Result<MapSet> create_maps();

// The ids of all maps that a loaded program uses, and the maps themselves. The latter needs CAP_SYS_ADMIN.
Result<std::vector<std::uint32_t>> map_ids_of_program(int program);
Result<MapSet> maps_of_ids(const std::vector<std::uint32_t>& ids);

Result<void> put(const MapSet& maps, MapRole role, const void* key, const void* value);
// ENOENT is an error here as in the kernel.
Result<void> erase(const MapSet& maps, MapRole role, const void* key);
// One step of a walk: false at the end. `key` nullptr begins. A key that went away meanwhile begins anew, so callers
// bound the walk.
Result<bool> next_key(const MapSet& maps, MapRole role, const void* key, void* next);
Result<bool> look_up(const MapSet& maps, MapRole role, const void* key, void* value);

// All entries. Bounded: a map that others write meanwhile ends the walk with what was seen.
template <class Key, class Value>
Result<std::vector<Entry<Key, Value>>> entries(const MapSet& maps, MapRole role) {
  constexpr std::size_t most = 65536;
  std::vector<Entry<Key, Value>> found;
  Key key{};
  Key next{};
  const void* at = nullptr;
  for (std::size_t n = 0; n < most; ++n) {
    const Result<bool> more = next_key(maps, role, at, &next);
    if (!more) {
      return more.error();
    }
    if (!*more) {
      break;
    }
    key = next;
    at = &key;
    Entry<Key, Value> entry{key, {}};
    const Result<bool> there = look_up(maps, role, &key, &entry.value);
    if (!there) {
      return there.error();
    }
    if (*there) {
      found.push_back(entry);
    }
  }
  return found;
}

} // namespace fan::bpf
