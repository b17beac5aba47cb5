// What somebody who listens for endpoints has heard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/address.h"

namespace fan {

struct Heard {
  std::uint32_t bridge = 0; // ifindex
  Address address;
  Mac mac;
  bool resolved = false; // it is the kernel's neighbour, and not one that somebody put there for good
  // Ifindex of the bridge's port behind which the MAC was then; 0: not known.
  std::uint32_t port = 0;
  auto operator<=>(const Heard&) const = default;
};

struct News {
  bool links = false;       // a device came, went or changed, or news were lost
  std::vector<Heard> heard; // no two alike, `most_heard` at most
};

// More than a slice's endpoints say at once; a flood of forged messages ends here.
inline constexpr std::size_t most_heard = 4096;

} // namespace fan
