#include "core/mtu.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/errors.h"

namespace fan {

namespace {

Encapsulation largest_of(const FanSpec& spec) {
  Encapsulation largest = spec.encapsulation;
  for (const Encapsulation e : spec.accept)
    if (overhead_of(e) > overhead_of(largest))
      largest = e;
  return largest;
}

} // namespace

Result<std::uint32_t> fan_mtu(Encapsulation encapsulation, std::uint32_t path_mtu) {
  const unsigned overhead = overhead_of(encapsulation);
  if (path_mtu < least_mtu + overhead)
    return host_error(
        fmt::format("the underlay's MTU of {} is too small: {} needs {} bytes of it, and a fan at least {}", path_mtu,
                    name_of(encapsulation), overhead, least_mtu),
        fmt::format("raise the MTU of the underlay's device or route to {} or more", least_mtu + overhead));
  return std::min(path_mtu - overhead, most_mtu);
}

Result<std::uint32_t> fan_mtu(const FanSpec& spec, std::uint32_t path_mtu) {
  const auto largest = fan_mtu(largest_of(spec), path_mtu);
  if (!largest || !spec.mtu)
    return largest;
  if (*spec.mtu > *largest)
    return usage_error(
        fmt::format("an MTU of {} does not fit: the underlay's is {}, which leaves {}", *spec.mtu, path_mtu, *largest),
        fmt::format("use 'mtu {}' or less, or leave it out", *largest));
  if (*spec.mtu < least_mtu)
    return usage_error(fmt::format("an MTU of {} is too small", *spec.mtu), fmt::format("use {} or more", least_mtu));
  return *spec.mtu;
}

} // namespace fan
