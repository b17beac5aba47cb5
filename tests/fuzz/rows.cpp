// Rows of the programs' maps, which whoever has CAP_BPF may have written. The first byte says which map.
#include <cstring>
#include <optional>

#include "linux/bpf/codec.h"
#include "property.h"

namespace {

void follow(const fan::MappingRow& row) {
  fan::fuzz::require(fan::bpf::known_of({row}, {}).size() == 1, "a mapping makes its underlay known");
}

void follow(const fan::SliceRow& row) {
  fan::fuzz::require(fan::bpf::known_of({}, {row}).size() == 2, "a slice makes its VNI and underlay known");
  fan::fuzz::require(fan::bpf::ourselves_of({row}).size() == 1, "a slice's host is this one");
  (void)fan::bpf::encode(fan::NeverRow{row.host});
}

void follow(const fan::RecordRow& row) {
  fan::fuzz::require(row.text.size() <= fan::record_max, "a record has at most so many bytes");
}

void read_shortcut(const std::uint8_t* data, std::size_t size) {
  fan::bpf::Entry<fan_lpm_key, __u32> entry{};
  if (size < sizeof entry) {
    return;
  }
  std::memcpy(&entry, data, sizeof entry);
  if (const auto row = fan::bpf::decode_shortcut(entry)) {
    const auto again = fan::bpf::decode_shortcut(fan::bpf::encode(*row));
    fan::fuzz::require(again && again->slice == row->slice, "a slice survives");
  }
}

template <class Key, class Value>
void read_one(const std::uint8_t* data, std::size_t size) {
  fan::bpf::Entry<Key, Value> entry{};
  if (size < sizeof entry) {
    return;
  }
  std::memcpy(&entry, data, sizeof entry);
  if (const auto row = fan::bpf::decode(entry)) {
    const auto again = fan::bpf::decode(fan::bpf::encode(*row));
    fan::fuzz::require(again && *again == *row, "a row survives its own entry");
    follow(*row);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  switch (data[0] % 4) {
  case 0:
    read_one<fan_lpm_key, fan_mapping>(data + 1, size - 1);
    break;
  case 1:
    read_one<fan_lpm_key, fan_slice>(data + 1, size - 1);
    break;
  case 2:
    read_one<fan_record_key, fan_record>(data + 1, size - 1);
    break;
  default:
    read_shortcut(data + 1, size - 1);
  }
  return 0;
}
