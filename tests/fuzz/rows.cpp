// Rows of the programs' maps, which whoever has CAP_BPF may have written. The first byte says which map.
#include <cstring>
#include <optional>

#include "linux/bpf/codec.h"
#include "property.h"

namespace {

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
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  switch (data[0] % 3) {
  case 0:
    read_one<fan_lpm_key, fan_mapping>(data + 1, size - 1);
    break;
  case 1:
    read_one<fan_lpm_key, fan_slice>(data + 1, size - 1);
    break;
  default:
    read_one<fan_record_key, fan_record>(data + 1, size - 1);
  }
  return 0;
}
