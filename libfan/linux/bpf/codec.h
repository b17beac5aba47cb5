// Rows as the core knows them, and as the BPF maps hold them (bpf/fan_abi.h). Pure functions but for names of
// devices; both ways, so that what
// was written can be compared with what is read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpf_abi/fan_abi.h"
#include "core/object.h"

namespace fan::bpf {

template <class Key, class Value>
struct Entry {
  Key key;
  Value value;
};

fan_address encode(Address address);
Address decode(const fan_address& address);
fan_lpm_key lpm_key(const Prefix& prefix);

Entry<fan_lpm_key, fan_mapping> encode(const MappingRow& row);
Entry<fan_lpm_key, fan_slice> encode(const SliceRow& row);
Entry<fan_lpm_key, __u32> encode(const NeverRow& row);
// Devices are asked for their ifindex, and ifindexes for their name: 0 and "" where there is none.
Entry<fan_lpm_key, __u32> encode(const ShortcutRow& row);
std::optional<ShortcutRow> decode_shortcut(const Entry<fan_lpm_key, __u32>& entry);
// Precondition: bridge shorter than 16 bytes, text at most record_max.
Entry<fan_record_key, fan_record> encode(const RecordRow& row);

// nullopt for an entry that encode() cannot have made: somebody else wrote it.
std::optional<MappingRow> decode(const Entry<fan_lpm_key, fan_mapping>& entry);
std::optional<SliceRow> decode(const Entry<fan_lpm_key, fan_slice>& entry);
std::optional<RecordRow> decode(const Entry<fan_record_key, fan_record>& entry);

// What follows from the rows and is written beside them: VNIs and underlays that exist here, for naming refusals.
std::vector<Entry<fan_known_key, __u32>> known_of(const std::vector<MappingRow>& mappings,
                                                  const std::vector<SliceRow>& slices);
// ... and this host's own underlay addresses, which are never an outer destination.
std::vector<Entry<fan_lpm_key, __u32>> ourselves_of(const std::vector<SliceRow>& slices);

} // namespace fan::bpf
