// Pools: the slice carved into named parts, so that a DHCP server, a container runtime and a person with a text editor
// do not hand out the same address. A pool is host numbers within the slice, the same on every host: number 2 of
// 250.0.28.0/24 is 250.0.28.2. Pure; whether a pool fits into a slice is core/validate_pools.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/address.h"
#include "core/result.h"

namespace fan {

inline constexpr std::size_t most_pools = 8; // so that a record stays below record_max
inline constexpr std::size_t longest_pool_name = 15;

// Two names have a meaning: `dhcp` is what the DHCP server hands out, `docker` is a block that Docker's fixed-cidr can
// name. Invariant: 2 <= first <= last, as number 0 names the slice and 1 is the gateway.
struct Pool {
  std::string name;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  auto operator<=>(const Pool&) const = default;
};

// "dhcp=2-99" or, of one address, "vip=5". A pool of the name `docker` has to be one aligned block. Class usage.
Result<Pool> parse_pool(std::string_view text);
// "dhcp=2-99", which parses back to the same pool.
std::string text_of(const Pool& pool);

// Refuses a name that is there already and numbers that another pool has (class usage).
Result<void> check_apart(std::span<const Pool> pools, const Pool& added);

// nullptr when there is none of this name.
const Pool* find_pool(std::span<const Pool> pools, std::string_view name);
// The pool that the n-th address of a slice is in, nullptr for none.
const Pool* pool_with(std::span<const Pool> pools, std::uint32_t n);

// The one network that is exactly this pool in `slice`; nothing when no network is. Precondition: it fits in the slice.
std::optional<Prefix> network_of(const Pool& pool, const Prefix& slice);
// "250.0.28.2-250.0.28.99", or the network where it is one: "250.0.28.128/26". Precondition: as network_of.
std::string addresses_of(const Pool& pool, const Prefix& slice);

} // namespace fan
