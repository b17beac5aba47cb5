#include "core/pool.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/number.h"

namespace fan {

namespace {

constexpr std::uint32_t most_number = (1U << 30U) - 2; // of a slice of 2 bits, the largest there can be
constexpr const char* written_so = "write NAME=FIRST-LAST with host numbers of the slice, as in dhcp=2-99";

struct Block {
  std::uint32_t first = 0;
  std::uint32_t size = 0;
};

// The largest aligned block of a power of two within the pool, the first of equals.
Block largest_block(const Pool& pool) {
  const std::uint32_t count = pool.last - pool.first + 1;
  for (std::uint32_t size = std::bit_floor(count); size > 1; size /= 2) {
    const std::uint32_t first = (pool.first + size - 1) / size * size;
    if (first + size - 1 <= pool.last)
      return {first, size};
  }
  return {pool.first, 1};
}

bool is_block(const Pool& pool) {
  return largest_block(pool).size == pool.last - pool.first + 1;
}

Result<void> check_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  const bool good = !name.empty() && name.size() <= longest_pool_name && name[0] >= 'a' && name[0] <= 'z' &&
                    std::all_of(name.begin(), name.end(), allowed);
  return good ? Result<void>()
              : usage_error(quoted(name) + " is not the name of a pool",
                            fmt::format("use small letters, digits and '-', at most {}", longest_pool_name));
}

// Docker is told of a network, not of a range.
Result<void> check_docker(const Pool& pool) {
  if (pool.name != "docker" || is_block(pool))
    return {};
  const Block near = largest_block(pool);
  return usage_error(
      fmt::format("{} to {} is not one network, and Docker's fixed-cidr can only name one", pool.first, pool.last),
      fmt::format("the size has to be a power of two and divide the first number: the largest that fits is "
                  "docker={}-{}",
                  near.first, near.first + near.size - 1));
}

Result<void> read_numbers(std::string_view text, Pool& pool) {
  const std::size_t dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash), most_number);
  const auto last = dash == std::string_view::npos ? first : parse_number(text.substr(dash + 1), most_number);
  if (!first || !last)
    return usage_error(quoted(text) + " is not a range of host numbers", written_so);
  if (*first > *last)
    return usage_error(fmt::format("the first number, {}, is above the last, {}", *first, *last), "swap them");
  if (*first < 2)
    return usage_error(fmt::format("number {} is {}", *first, *first == 0 ? "the slice's own address" : "the gateway"),
                       "begin with 2 or above");
  pool.first = *first;
  pool.last = *last;
  return {};
}

} // namespace

Result<Pool> parse_pool(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return usage_error(quoted(text) + " is not a pool", written_so);
  Pool pool{std::string(text.substr(0, equals)), 0, 0};
  if (auto good = check_name(pool.name); !good)
    return std::move(good).error();
  if (auto good = read_numbers(text.substr(equals + 1), pool); !good)
    return std::move(good).error().within(pool.name);
  if (auto good = check_docker(pool); !good)
    return std::move(good).error().within(pool.name);
  return pool;
}

std::string text_of(const Pool& pool) {
  return fmt::format("{}={}-{}", pool.name, pool.first, pool.last);
}

Result<void> check_apart(std::span<const Pool> pools, const Pool& added) {
  for (const Pool& pool : pools) {
    if (pool.name == added.name)
      return usage_error("the pool " + quoted(pool.name) + " is given twice", "give it once");
    if (pool.first <= added.last && added.first <= pool.last)
      return usage_error(fmt::format("{} and {} have addresses in common: {} to {}", text_of(pool), text_of(added),
                                     std::max(pool.first, added.first), std::min(pool.last, added.last)),
                         "move or shorten one of them");
  }
  if (pools.size() == most_pools)
    return usage_error(fmt::format("more than {} pools", most_pools), "join some of them");
  return {};
}

const Pool* find_pool(std::span<const Pool> pools, std::string_view name) {
  const auto found = std::find_if(pools.begin(), pools.end(), [&](const Pool& p) { return p.name == name; });
  return found == pools.end() ? nullptr : &*found;
}

const Pool* pool_with(std::span<const Pool> pools, std::uint32_t n) {
  const auto found =
      std::find_if(pools.begin(), pools.end(), [&](const Pool& p) { return p.first <= n && n <= p.last; });
  return found == pools.end() ? nullptr : &*found;
}

std::optional<Prefix> network_of(const Pool& pool, const Prefix& slice) {
  if (!is_block(pool))
    return std::nullopt;
  const auto bits = static_cast<unsigned>(std::countr_zero(pool.last - pool.first + 1));
  return Prefix::of(slice.at(pool.first), 32U - bits);
}

std::string addresses_of(const Pool& pool, const Prefix& slice) {
  const auto network = network_of(pool, slice);
  if (network)
    return network->length() == 32 ? network->network().str() : network->str();
  return slice.at(pool.first).str() + "-" + slice.at(pool.last).str();
}

} // namespace fan
