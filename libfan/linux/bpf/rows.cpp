#include "linux/bpf/rows.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "linux/bpf/failure.h"

namespace fan::bpf {
namespace {

template <class Row>
struct Kind;
template <>
struct Kind<MappingRow> {
  static constexpr MapRole role = MapRole::mappings;
  using Key = fan_lpm_key;
  using Value = fan_mapping;
};
template <>
struct Kind<SliceRow> {
  static constexpr MapRole role = MapRole::slices;
  using Key = fan_lpm_key;
  using Value = fan_slice;
};
template <>
struct Kind<NeverRow> {
  static constexpr MapRole role = MapRole::never;
  using Key = fan_lpm_key;
  using Value = __u32;
};
template <>
struct Kind<ShortcutRow> {
  static constexpr MapRole role = MapRole::bridges;
  using Key = fan_lpm_key;
  using Value = __u32;
};
template <>
struct Kind<RecordRow> {
  static constexpr MapRole role = MapRole::records;
  using Key = fan_record_key;
  using Value = fan_record;
};

std::optional<NeverRow> decode_never(const Entry<fan_lpm_key, __u32>& entry) {
  return entry.value == FAN_OUT_BROADCAST ? std::optional(NeverRow{bpf::decode(entry.key.address)}) : std::nullopt;
}

// Of two maps with entries of one type each is read as what it holds.
template <class Row, class Entry>
std::optional<Row> row_of(const Entry& entry) {
  if constexpr (std::is_same_v<Row, ShortcutRow>) {
    return decode_shortcut(entry);
  } else if constexpr (std::is_same_v<Row, NeverRow>) {
    return decode_never(entry);
  } else {
    return decode(entry);
  }
}

template <class Row>
Result<std::vector<Row>> read(const MapSet& maps) {
  using K = Kind<Row>;
  const auto found = entries<typename K::Key, typename K::Value>(maps, K::role);
  if (!found) {
    return found.error();
  }
  std::vector<Row> rows;
  for (const auto& entry : *found) {
    if (auto row = row_of<Row>(entry)) {
      rows.push_back(std::move(*row));
    }
  }
  return rows;
}

template <class Row>
Result<void> append(const MapSet& maps, std::vector<Object>& objects) {
  Result<std::vector<Row>> rows = read<Row>(maps);
  if (!rows) {
    return rows.error();
  }
  objects.insert(objects.end(), std::make_move_iterator(rows->begin()), std::make_move_iterator(rows->end()));
  return {};
}

template <class Row>
Result<void> carry_out(const MapSet& maps, const KnownRows& known, const Change& change) {
  const bool there = known.keys.count(key_of(change.object())) != 0;
  if (there && !change.before) {
    return stale("it is there already");
  }
  if (!there && change.before) {
    return stale("it is not there");
  }
  if (!change.after) {
    const auto entry = encode(*std::get_if<Row>(&*change.before));
    return erase(maps, Kind<Row>::role, &entry.key);
  }
  const auto entry = encode(*std::get_if<Row>(&*change.after));
  return put(maps, Kind<Row>::role, &entry.key, &entry.value);
}

// The bridge has to be there: a row that names no device would be one of a device to come.
Result<void> carry_out_shortcut(const MapSet& maps, const KnownRows& known, const Change& change) {
  const auto* row = change.after ? std::get_if<ShortcutRow>(&*change.after) : nullptr;
  if (row != nullptr && encode(*row).value == 0) {
    return stale("the bridge is not there");
  }
  return carry_out<ShortcutRow>(maps, known, change);
}

Result<void> carry_out_any(const MapSet& maps, const KnownRows& known, const Change& change) {
  const Object& object = change.object();
  if (std::holds_alternative<RecordRow>(object)) {
    return carry_out<RecordRow>(maps, known, change);
  }
  if (std::holds_alternative<NeverRow>(object)) {
    return carry_out<NeverRow>(maps, known, change);
  }
  if (std::holds_alternative<ShortcutRow>(object)) {
    return carry_out_shortcut(maps, known, change);
  }
  return std::holds_alternative<MappingRow>(object) ? carry_out<MappingRow>(maps, known, change)
                                                    : carry_out<SliceRow>(maps, known, change);
}

template <class Row>
void note_row(std::vector<Row>& rows, const Change& change) {
  if (change.before) {
    const std::string key = key_of(*change.before);
    std::erase_if(rows, [&](const Row& row) { return key_of(row) == key; });
  }
  if (change.after) {
    rows.push_back(*std::get_if<Row>(&*change.after));
  }
}

void note_change(KnownRows& known, const Change& change) {
  const std::string key = key_of(change.object());
  if (change.after) {
    known.keys.insert(key);
  } else {
    known.keys.erase(key);
  }
  if (std::holds_alternative<MappingRow>(change.object())) {
    note_row(known.following.mappings, change);
  } else if (std::holds_alternative<SliceRow>(change.object())) {
    note_row(known.following.slices, change);
  }
}

Result<void> check_record(const RecordRow& row) {
  if (row.bridge.size() < sizeof(fan_record_key::bridge) && row.text.size() <= record_max) {
    return {};
  }
  Error e;
  e.kind = ErrorClass::usage;
  e.message = "too long to be kept: " + std::to_string(row.text.size()) + " bytes of " + std::to_string(record_max);
  e.hint = "give fewer exposed networks";
  return e;
}

template <class Key>
bool same(const FollowingRows<Key>& wanted, const FollowingRows<Key>& present) {
  const Difference<Key> rows = difference(wanted, present);
  return rows.missing.empty() && rows.surplus.empty();
}

template <class Key>
void drop(FollowingRows<Key>& rows, const Key& key) {
  std::erase_if(rows, [&](const auto& row) { return std::memcmp(&row.key, &key, sizeof key) == 0; });
}

template <class Key>
Result<void> put_missing(const MapSet& maps, MapRole role, const FollowingRows<Key>& missing,
                         FollowingRows<Key>& present) {
  for (const auto& row : missing) {
    if (Result<void> done = put(maps, role, &row.key, &row.value); !done) {
      return done;
    }
    drop(present, row.key);
    present.push_back(row);
  }
  return {};
}

// New rows first, so that nothing is ever missing.
template <class Key>
Result<void> settle(const MapSet& maps, MapRole role, const FollowingRows<Key>& wanted, FollowingRows<Key>& present) {
  const Difference<Key> rows = difference(wanted, present);
  if (Result<void> done = put_missing(maps, role, rows.missing, present); !done) {
    return done;
  }
  for (const auto& row : rows.surplus) {
    if (Result<void> done = erase(maps, role, &row.key); !done) {
      return done;
    }
    drop(present, row.key);
  }
  return {};
}

// What follows from rows that are new, where all was right before them.
template <class Key>
Result<void> extend(const MapSet& maps, MapRole role, FollowingRows<Key> wanted, FollowingRows<Key>& present) {
  std::erase_if(wanted, [&](const auto& row) {
    return std::any_of(present.begin(), present.end(), [&](const auto& other) {
      return std::memcmp(&other.key, &row.key, sizeof row.key) == 0 && other.value == row.value;
    });
  });
  return put_missing(maps, role, wanted, present);
}

Result<void> settle_change(const MapSet& maps, KnownRows& known, const Change& change) {
  if (change.before || !known.settled) {
    known.settled = false;
    return settle_what_follows(maps, known);
  }
  std::vector<MappingRow> mappings;
  std::vector<SliceRow> slices;
  if (const auto* mapping = std::get_if<MappingRow>(&*change.after)) {
    mappings.push_back(*mapping);
  } else {
    slices.push_back(*std::get_if<SliceRow>(&*change.after));
  }
  Result<void> done = extend(maps, MapRole::known, known_of(mappings, slices), known.following.known);
  return done ? extend(maps, MapRole::never, ourselves_of(slices), known.following.never) : done;
}

} // namespace

Result<Following> following(const MapSet& maps) {
  auto mappings = read<MappingRow>(maps);
  auto slices = read<SliceRow>(maps);
  auto known = entries<fan_known_key, __u32>(maps, MapRole::known);
  auto never = entries<fan_lpm_key, __u32>(maps, MapRole::never);
  if (!mappings || !slices || !known || !never) {
    return !mappings ? mappings.error() : !slices ? slices.error() : !known ? known.error() : never.error();
  }
  std::erase_if(*never, [](const auto& entry) { return decode_never(entry).has_value(); }); // objects of their own
  return Following{std::move(*mappings), std::move(*slices), std::move(*known), std::move(*never)};
}

Result<bool> what_follows_is_right(const MapSet& maps) {
  const Result<Following> rows = following(maps);
  return rows ? Result<bool>(same(known_of(rows->mappings, rows->slices), rows->known) &&
                             same(ourselves_of(rows->slices), rows->never))
              : rows.error();
}

Result<void> settle_what_follows(const MapSet& maps, KnownRows& known) {
  if (known.settled) {
    return {};
  }
  Following& rows = known.following;
  Result<void> done = settle(maps, MapRole::known, known_of(rows.mappings, rows.slices), rows.known);
  if (done) {
    done = settle(maps, MapRole::never, ourselves_of(rows.slices), rows.never);
  }
  known.settled = done.ok();
  return done;
}

Result<std::vector<Object>> read_rows(const MapSet& maps) {
  std::vector<Object> objects;
  for (const auto& step :
       {append<RecordRow>, append<MappingRow>, append<SliceRow>, append<NeverRow>, append<ShortcutRow>}) {
    if (Result<void> done = step(maps, objects); !done) {
      return done.error();
    }
  }
  return objects;
}

Result<std::vector<RecordRow>> read_records(const MapSet& maps) {
  return maps.fd(MapRole::records) < 0 ? Result<std::vector<RecordRow>>(std::vector<RecordRow>{})
                                       : read<RecordRow>(maps);
}

Result<KnownRows> known_rows(const MapSet& maps) {
  Result<std::vector<Object>> rows = read_rows(maps);
  Result<Following> follow = following(maps);
  if (!rows || !follow) {
    return rows ? follow.error() : rows.error();
  }
  KnownRows known{{}, std::move(*follow)};
  for (const Object& row : *rows) {
    known.keys.insert(key_of(row));
  }
  return known;
}

Result<void> apply_row(const MapSet& maps, KnownRows& known, const Change& change) {
  if (const auto* record = change.after ? std::get_if<RecordRow>(&*change.after) : nullptr) {
    if (Result<void> fits = check_record(*record); !fits) {
      return fits;
    }
  }
  if (Result<void> done = carry_out_any(maps, known, change); !done) {
    return done;
  }
  note_change(known, change);
  const Object& object = change.object();
  const bool others_follow = std::holds_alternative<MappingRow>(object) || std::holds_alternative<SliceRow>(object);
  return others_follow ? settle_change(maps, known, change) : Result<void>();
}

} // namespace fan::bpf
