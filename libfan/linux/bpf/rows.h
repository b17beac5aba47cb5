// Rows in a set of maps: reading them all, and carrying out one change, together with what follows from the rows.
#pragma once

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

// What follows from the rows and is written beside them: the networks and VNIs that are known, the addresses of this
// host. True when it is as it should be.
Result<bool> what_follows_is_right(const MapSet& maps);
Result<void> settle_what_follows(const MapSet& maps);

} // namespace fan::bpf
