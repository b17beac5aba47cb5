#include "core/validate_pools.h"

#include <fmt/format.h>

#include "core/errors.h"
#include "core/pool.h"

namespace fan {

namespace {

std::string numbers_that_fit(std::uint32_t reserve, std::uint32_t broadcast) {
  return fmt::format("its numbers are from {} to {}", reserve + 1, broadcast - 1);
}

Result<void> check_one(const Pool& pool, const Prefix& slice, std::uint32_t reserve) {
  const std::uint32_t broadcast = ~Prefix::mask_bits(slice.length());
  if (pool.first <= reserve)
    return usage_error(fmt::format("pool {}: number {} is one of the {} that the host itself holds", text_of(pool),
                                   pool.first, reserve),
                       numbers_that_fit(reserve, broadcast));
  if (pool.last > broadcast)
    return usage_error(fmt::format("pool {}: it is not within the slice {}, which has {} addresses", text_of(pool),
                                   slice.str(), std::uint64_t{broadcast} + 1),
                       numbers_that_fit(reserve, broadcast));
  if (pool.last == broadcast)
    return usage_error(fmt::format("pool {}: number {} is the broadcast address of the slice {}", text_of(pool),
                                   broadcast, slice.str()),
                       numbers_that_fit(reserve, broadcast));
  return {};
}

} // namespace

Result<void> validate_pools(const Fan& fan) {
  const FanSpec& spec = fan.spec;
  for (const Pool& pool : spec.pools)
    if (auto good = check_one(pool, fan.slice(), spec.host_reserve); !good)
      return good;
  if (spec.dhcp && !spec.pools.empty() && find_pool(spec.pools, "dhcp") == nullptr)
    return usage_error("there are pools, and none of them is for the DHCP server",
                       "add the pool it may hand out, as in dhcp=2-99, or leave 'dhcp' out");
  return {};
}

} // namespace fan
