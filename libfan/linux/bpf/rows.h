// Rows in a set of maps: reading them all, and carrying out one change, together with what follows from the rows.
#pragma once

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/bpf/map_set.h"

namespace fan::bpf {

// Every row of a complete set, all kinds. Entries that nobody of ours can have written are left out.
Result<std::vector<Object>> read_rows(const MapSet& maps);

// The records, of a set of any ABI.
Result<std::vector<RecordRow>> read_records(const MapSet& maps);

// Precondition: the change is of a RecordRow, MappingRow, SliceRow, NeverRow or ShortcutRow. Errors: the plan was stale
// (host_state); the kernel's.
Result<void> apply_row(const MapSet& maps, const Change& change);

// Rows that others follow from, and the others: the networks and VNIs that are known, and the addresses of this host
// that are never an outer destination.
struct Following {
  std::vector<MappingRow> mappings;
  std::vector<SliceRow> slices;
  std::vector<Entry<fan_known_key, __u32>> known;
  std::vector<Entry<fan_lpm_key, __u32>> never;
};
Result<Following> following(const MapSet& maps);

template <class Key>
using FollowingRows = std::vector<Entry<Key, __u32>>;

template <class Key>
bool has_key(const FollowingRows<Key>& rows, const Key& key) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](const auto& row) { return std::memcmp(&row.key, &key, sizeof key) == 0; });
}

// What has to be written, each key once, and then erased for a map that holds `present` to hold `wanted`. Of two wanted
// rows with one key the values are the same.
template <class Key>
struct Difference {
  FollowingRows<Key> missing, surplus;
};
template <class Key>
Difference<Key> difference(const FollowingRows<Key>& wanted, const FollowingRows<Key>& present) {
  Difference<Key> found;
  for (const auto& row : wanted) {
    const bool so = std::any_of(present.begin(), present.end(), [&](const auto& other) {
      return std::memcmp(&other.key, &row.key, sizeof row.key) == 0 && other.value == row.value;
    });
    if (!so && !has_key(found.missing, row.key)) {
      found.missing.push_back(row);
    }
  }
  std::copy_if(present.begin(), present.end(), std::back_inserter(found.surplus),
               [&](const auto& row) { return !has_key(wanted, row.key); });
  return found;
}

// What follows from the rows and is written beside them: the networks and VNIs that are known, the addresses of this
// host. True when it is as it should be.
Result<bool> what_follows_is_right(const MapSet& maps);
Result<void> settle_what_follows(const MapSet& maps);

} // namespace fan::bpf
