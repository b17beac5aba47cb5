#include "linux/bpf/statistics.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <array>

namespace fan::bpf {
namespace {

struct Reason {
  const char* name;
  const char* meaning;
};
#define FAN_REASON_ROW(symbol, name, text) Reason{name, text},
constexpr std::array<Reason, FAN_REASON_COUNT> reasons{FAN_REASONS(FAN_REASON_ROW)};
#undef FAN_REASON_ROW

// IPv4-mapped, or all zeros for none.
Address address_or_none(const fan_address& address) {
  return decode(address);
}

} // namespace

Result<std::vector<Count>> read_counters(const MapSet& maps) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) {
    return failure(-cpus, "count the CPUs");
  }
  std::vector<Count> counts;
  std::vector<fan_counter> per_cpu(static_cast<std::size_t>(cpus));
  for (__u32 reason = 0; reason < FAN_REASON_COUNT; ++reason) {
    if (const Result<bool> read = look_up(maps, MapRole::counters, &reason, per_cpu.data()); !read) {
      return read.error();
    }
    Count count{reasons.at(reason).name, reasons.at(reason).meaning,
                reason != FAN_IN_ACCEPTED && reason != FAN_OUT_SENT, 0, 0};
    for (const fan_counter& counter : per_cpu) {
      count.packets += counter.packets;
      count.bytes += counter.bytes;
    }
    counts.push_back(std::move(count));
  }
  return counts;
}

Result<std::vector<Refusal>> read_refused(const MapSet& maps) {
  const auto found = entries<fan_refused_key, fan_refused>(maps, MapRole::refused);
  if (!found) {
    return found.error();
  }
  std::vector<Refusal> refusals;
  for (const auto& [key, value] : *found) {
    if (key.reason < FAN_REASON_COUNT) {
      refusals.push_back({reasons.at(key.reason).name, address_or_none(key.outer_source),
                          address_or_none(value.inner_source), address_or_none(value.inner_destination), value.count,
                          value.last_ns});
    }
  }
  std::sort(refusals.begin(), refusals.end(), [](const Refusal& a, const Refusal& b) { return a.last_ns > b.last_ns; });
  return refusals;
}

} // namespace fan::bpf
