#include "linux/bpf/command_lines.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "core/render.h"
#include "linux/bpf/attached.h"
#include "linux/bpf/codec.h"
#include "linux/bpf/map_set.h"

namespace fan::bpf {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* pins = "/sys/fs/bpf/fanctl";

template <class T>
std::string hex(const T& value) {
  std::string text;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
  for (std::size_t n = 0; n < sizeof(T); ++n) {
    text += fmt::format(" {:02x}", bytes[n]);
  }
  return text;
}

template <class Key, class Value>
std::string update(MapRole role, const Entry<Key, Value>& entry) {
  return fmt::format("bpftool map update pinned {}/{} key hex{} value hex{}", pins, name_of(role), hex(entry.key),
                     hex(entry.value));
}

template <class Key, class Value>
std::string erase(MapRole role, const Entry<Key, Value>& entry) {
  return fmt::format("bpftool map delete pinned {}/{} key hex{}", pins, name_of(role), hex(entry.key));
}

template <class Row>
Lines row_lines(MapRole role, const Change& change) {
  if (!change.after) {
    return {erase(role, encode(std::get<Row>(*change.before)))};
  }
  return {update(role, encode(std::get<Row>(*change.after)))};
}

const char* word(Direction direction) {
  return direction == Direction::ingress ? "ingress" : "egress";
}

// A device's ifindex as four bytes, least significant first, is what some maps hold; `i` is it.
constexpr const char* four_bytes = "$((i & 255)) $((i >> 8 & 255)) $((i >> 16 & 255)) $((i >> 24 & 255))";

std::string ask_for_ifindex(const std::string& device) {
  return fmt::format("i=$(ip -o link show dev {} | cut -d: -f1); ", shell_word(device));
}

std::string note_device(const Classifier& classifier, std::uint32_t device_role) {
  return ask_for_ifindex(classifier.device) + fmt::format("bpftool map update pinned {}/{} key {} value {} 0 0 0", pins,
                                                          name_of(MapRole::devices), four_bytes, device_role);
}

// There is a row to delete also where somebody deleted it.
std::string forget_device(const Classifier& classifier) {
  const std::string row = fmt::format("pinned {}/{} key {}", pins, name_of(MapRole::devices), four_bytes);
  return ask_for_ifindex(classifier.device) +
         fmt::format("bpftool map update {0} value 0 0 0 0; bpftool map delete {0}", row);
}

// New rows first, so that nothing is ever missing.
template <class Key>
void settle(Lines& lines, MapRole role, const FollowingRows<Key>& wanted, const FollowingRows<Key>& present) {
  const Difference<Key> rows = difference(wanted, present);
  for (const auto& row : rows.missing) {
    lines.push_back(update(role, row));
  }
  for (const auto& row : rows.surplus) {
    lines.push_back(erase(role, row));
  }
}

// The rows as they are after the changes.
template <class Row>
std::vector<Row> changed(std::vector<Row> rows, const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (!std::holds_alternative<Row>(change.object())) {
      continue;
    }
    const std::string key = key_of(change.object());
    std::erase_if(rows, [&](const Row& row) { return key_of(Object(row)) == key; });
    if (change.after) {
      rows.push_back(std::get<Row>(*change.after));
    }
  }
  return rows;
}

Lines shortcut_lines(const Change& change) {
  if (!change.after) {
    return {erase(MapRole::bridges, encode(std::get<ShortcutRow>(*change.before)))};
  }
  const auto& row = std::get<ShortcutRow>(*change.after);
  return {ask_for_ifindex(row.bridge) + fmt::format("bpftool map update pinned {}/{} key hex{} value {}", pins,
                                                    name_of(MapRole::bridges), hex(lpm_key(row.slice)), four_bytes)};
}

Lines classifier_lines(const Change& change) {
  const auto& classifier = std::get<Classifier>(change.object());
  const std::string device = shell_word(classifier.device);
  const char* direction = word(classifier.direction);
  const ProgramRole* role = role_of_program(classifier.program);
  if (!change.after || role == nullptr) {
    Lines lines{fmt::format("tc filter del dev {} {} pref 1", device, direction)};
    if (role != nullptr && role->device_role != 0) {
      lines.push_back(forget_device(classifier));
    }
    return lines;
  }
  Lines lines;
  if (role->device_role != 0) {
    lines.push_back(note_device(classifier, role->device_role));
  }
  if (!change.before) {
    lines.push_back(fmt::format("tc qdisc replace dev {} clsact", device));
  }
  lines.push_back(fmt::format("tc filter replace dev {} {} pref 1 handle 1 protocol all bpf direct-action pinned {}/{}",
                              device, direction, pins, kernel_name(*role)));
  return lines;
}

} // namespace

bool tidies(const std::vector<Change>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    const auto* placed = change.after ? std::get_if<Classifier>(&*change.after) : nullptr;
    const ProgramRole* role = placed == nullptr ? nullptr : role_of_program(placed->program);
    return role != nullptr && (role->device_role == FAN_ROLE_TUNNEL || (role->device_role != 0 && change.before));
  });
}

Lines begin_lines(const std::string& object_path, const std::vector<MapId>& maps) {
  std::string shared;
  for (const MapId& map : maps) {
    shared += fmt::format(" map name {} id {}", map.name, map.id);
  }
  return {fmt::format("bpftool prog loadall {} {} type classifier{} pinmaps {}", shell_word(object_path), pins, shared,
                      pins)};
}

Lines change_lines(const Change& change) {
  const Object& object = change.object();
  if (std::holds_alternative<RecordRow>(object)) {
    return row_lines<RecordRow>(MapRole::records, change);
  }
  if (std::holds_alternative<MappingRow>(object)) {
    return row_lines<MappingRow>(MapRole::mappings, change);
  }
  if (std::holds_alternative<SliceRow>(object)) {
    return row_lines<SliceRow>(MapRole::slices, change);
  }
  if (std::holds_alternative<NeverRow>(object)) {
    return row_lines<NeverRow>(MapRole::never, change);
  }
  if (std::holds_alternative<ShortcutRow>(object)) {
    return shortcut_lines(change);
  }
  return classifier_lines(change);
}

Lines end_lines(const std::vector<Change>& changes, const Following& in_use, const std::vector<std::uint32_t>& unsaid) {
  const std::vector<MappingRow> mappings = changed(in_use.mappings, changes);
  const std::vector<SliceRow> slices = changed(in_use.slices, changes);
  Lines lines;
  settle(lines, MapRole::known, known_of(mappings, slices), in_use.known);
  settle(lines, MapRole::never, ourselves_of(slices), in_use.never);
  for (const std::uint32_t ifindex : unsaid) {
    lines.push_back(erase(MapRole::devices, Entry<__u32, __u32>{ifindex, 0}));
  }
  lines.push_back(fmt::format("rm -r {}", pins));
  return lines;
}

} // namespace fan::bpf
