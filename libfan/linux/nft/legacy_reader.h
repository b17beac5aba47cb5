// A table of the old iptables, as the kernel hands it out (linux/netfilter_ipv4/ip_tables.h), as a filter of
// core/firewall_rules.h. Pure: bytes in, values out. What is not understood stays visible as unknown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/firewall_rules.h"

namespace fan::nft {

inline constexpr std::size_t legacy_hooks = 5; // NF_INET_NUMHOOKS

// struct ipt_getinfo, as far as it is needed. Offsets count from the first entry.
struct LegacyLayout {
  std::string table;
  std::uint32_t valid_hooks = 0; // a bit a hook
  std::array<std::uint32_t, legacy_hooks> first{};
  std::array<std::uint32_t, legacy_hooks> policy{};
};

// Nothing where the bytes do not follow their own offsets.
std::optional<firewall::Table> read_legacy(const LegacyLayout& layout, std::span<const std::byte> entries);

} // namespace fan::nft
