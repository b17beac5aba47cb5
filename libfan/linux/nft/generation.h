// The number that the kernel counts up with each change of its nftables ruleset.
#pragma once

#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace fan::nft {

struct Generation {
  ino_t network = 0; // the network namespace: each counts for itself
  std::uint32_t number = 0;
  auto operator<=>(const Generation&) const = default;

  // After so many transactions more, fewer than 2^32. The kernel leaves out 0.
  [[nodiscard]] Generation after(std::uint32_t transactions) const {
    const std::uint32_t sum = number + transactions;
    return {network, sum < number ? sum + 1 : sum};
  }
};

// Of the network namespace that the calling thread is in. Nothing where it cannot be had: then nobody can tell whether
// the ruleset is still the one that was read.
std::optional<Generation> generation();

} // namespace fan::nft
