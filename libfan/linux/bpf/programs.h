// The fan's BPF programs and their maps, as the engine's kinds Classifier, RecordRow, MappingRow, SliceRow,
// NeverRow and ShortcutRow. The only room that knows libbpf. May not: make devices; look at devices it was not told of,
// but for finding maps that are in use already: none of ours on any of them means that it looks at every device.
//
// Nothing is pinned. Filters hold programs, programs hold maps; maps are found from the filters of our devices. Rows
// come before classifiers in rank, so on a fresh host the maps are made when the first row is written, held by this
// object, and passed to the kernel's keeping with the first filter.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/object.h"
#include "core/result.h"

namespace fan::bpf {

// 8 hex digits over the sources and compiler flags of the embedded programs: Classifier::build.
std::string program_build();

struct Device {
  std::uint32_t ifindex = 0;
  std::string name;
};

// A map by its name in the kernel.
struct MapId {
  std::string name;
  std::uint32_t id = 0;
};

// One line of `show --stats`.
struct Count {
  std::string reason;  // "in-source-forged"; an interface, see bpf/fan_abi.h
  std::string meaning; // for people
  bool refused = true; // false for what was let through
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

// One line of `show --refused`. A sample of the refused packets, see bpf/fan_abi.h.
struct Refusal {
  std::string reason;
  Address outer_source; // unspecified for what did not come from the tunnel
  Address inner_source; // of the last one seen; unspecified when it was not IPv4
  Address inner_destination;
  std::uint64_t count = 0;   // an estimate
  std::uint64_t last_ns = 0; // CLOCK_MONOTONIC
};

class Programs {
public:
  Programs();
  ~Programs();
  Programs(Programs&&) noexcept;
  Programs& operator=(Programs&&) noexcept;

  // What our programs and maps on these devices are. Filters of others are not reported, but make `first` false when
  // they stand before ours. Rows are those of the maps in use; of the maps made by this object while none is attached
  // yet. Maps of another ABI have no rows. `leaving`: names of those devices that shall have no program any more; a row
  // that says what one of them is, when no program on it does, makes a program that stays "altered".
  Result<ObservedSet> observe(std::vector<Device> devices, const std::set<std::string>& leaving = {});

  // The records, of whatever ABI the programs on these devices are.
  Result<std::vector<RecordRow>> records(std::vector<Device> devices);

  // One change of a Classifier, RecordRow, MappingRow, SliceRow, NeverRow or ShortcutRow. Creating what is there and
  // changing or removing what is not are errors (host_state): the plan was stale.
  Result<void> apply(const Change& change);

  // The maps that attached programs use, as the last observe() saw them; empty when there are none. For
  // command_lines.h.
  [[nodiscard]] std::vector<MapId> maps_in_use() const;
  // What comes behind the lines of `changes`, on these maps: end_lines() of command_lines.h.
  [[nodiscard]] std::vector<std::string> last_lines(const std::vector<Change>& changes) const;

  // Of the maps in use, all reasons in the order of the checks; empty when no program of ours is attached to these
  // devices.
  Result<std::vector<Count>> counters(std::vector<Device> devices);
  Result<std::vector<Refusal>> refused(std::vector<Device> devices);

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace fan::bpf
