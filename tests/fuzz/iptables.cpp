// A table of the old iptables: what getsockopt says of it in front (44 bytes), then its entries.
#include <cstring>

#include "linux/nft/legacy_reader.h"
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t head[1 + 2 * fan::nft::legacy_hooks];
  if (size < sizeof head) {
    return 0;
  }
  std::memcpy(head, data, sizeof head);
  fan::nft::LegacyLayout layout{"filter", head[0], {}, {}};
  std::memcpy(layout.first.data(), head + 1, sizeof layout.first);
  std::memcpy(layout.policy.data(), head + 1 + fan::nft::legacy_hooks, sizeof layout.policy);
  const std::string bytes(reinterpret_cast<const char*>(data) + sizeof head, size - sizeof head);
  const auto table = fan::nft::read_legacy(layout, std::as_bytes(std::span(bytes)));
  fan::fuzz::require(!table || table->name == "filter", "a table keeps its name");
  return 0;
}
