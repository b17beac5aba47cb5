// Rows in a set of maps: reading them all, and carrying out one change, together with what follows from the rows.
#pragma once

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/bpf/map_set.h"

namespace fan::bpf {

// Every row of a complete set, all kinds. Entries that nobody of ours can have written are left out.
Result<std::vector<Object>> read_rows(const MapSet& maps);

// The records, of a set of any ABI.
Result<std::vector<RecordRow>> read_records(const MapSet& maps);

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
struct KeyBefore {
  bool operator()(const Key& a, const Key& b) const { return std::memcmp(&a, &b, sizeof a) < 0; }
};

// What has to be written, each key once, and then erased for a map that holds `present` to hold `wanted`. Of two wanted
// rows with one key the values are the same.
template <class Key>
struct Difference {
  FollowingRows<Key> missing, surplus;
};
template <class Key>
Difference<Key> difference(const FollowingRows<Key>& wanted, const FollowingRows<Key>& present) {
  const auto by_key = [](const FollowingRows<Key>& rows) {
    std::map<Key, __u32, KeyBefore<Key>> values;
    for (const auto& row : rows) {
      values.emplace(row.key, row.value);
    }
    return values;
  };
  auto there = by_key(present);
  const auto needed = by_key(wanted);
  Difference<Key> found;
  for (const auto& row : wanted) {
    const auto at = there.find(row.key);
    if (at == there.end() || at->second != row.value) {
      found.missing.push_back(row);
      there.insert_or_assign(row.key, row.value);
    }
  }
  std::copy_if(present.begin(), present.end(), std::back_inserter(found.surplus),
               [&](const auto& row) { return needed.count(row.key) == 0; });
  return found;
}

// What follows from the rows and is written beside them: the networks and VNIs that are known, the addresses of this
// host. True when it is as it should be.
Result<bool> what_follows_is_right(const MapSet& maps);

// The rows as they were read, and as they were written since: whoever writes one after the other reads them once.
struct KnownRows {
  std::unordered_set<std::string> keys; // key_of(), all kinds
  Following following;
  bool settled = false; // what follows was put right since
};
Result<KnownRows> known_rows(const MapSet& maps);

// Precondition: the change is of a RecordRow, MappingRow, SliceRow, NeverRow or ShortcutRow. Errors: the plan was stale
// (host_state); the kernel's. After an error what is known is not.
Result<void> apply_row(const MapSet& maps, KnownRows& known, const Change& change);
Result<void> settle_what_follows(const MapSet& maps, KnownRows& known);

} // namespace fan::bpf
