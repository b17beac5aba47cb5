#include "core/mapping.h"

#include <fmt/format.h>

#include "core/errors.h"

namespace fan {

namespace {

struct Reserved {
  Prefix network;
  const char* use;
};

// Networks whose addresses no stock kernel routes between hosts, whatever a fan would say.
const Reserved reserved_networks[] = {
    {Prefix::of(Address(0x00000000U), 8), "\"this network\" (RFC 791)"},
    {Prefix::of(Address(0x7f000000U), 8), "loopback (RFC 1122)"},
    {Prefix::of(Address(0xa9fe0000U), 16), "link local (RFC 3927)"},
    {Prefix::of(Address(0xe0000000U), 4), "multicast (RFC 5771)"},
};

Result<void> check_reserved(const Prefix& overlay) {
  for (const Reserved& r : reserved_networks)
    if (overlay.overlaps(r.network))
      return usage_error(fmt::format("overlay {} overlaps {}, which is {}", overlay.str(), r.network.str(), r.use),
                         "choose another overlay, as 250.0.0.0/8");
  return {};
}

// What to write for the overlay so that slices of /30 or larger come out.
std::string larger_overlay(const Prefix& overlay, const Prefix& underlay) {
  if (underlay.length() < 3)
    return "no overlay is large enough for this underlay: choose a smaller underlay";
  return fmt::format("choose an overlay of /{} or larger instead of /{}, or a smaller underlay", underlay.length() - 2,
                     overlay.length());
}

} // namespace

Prefix slice_of(const Prefix& overlay, const Prefix& underlay, Address host) {
  const unsigned shift = underlay.length() - overlay.length();
  const std::uint32_t host_part = host.v4() & ~Prefix::mask_bits(underlay.length());
  return Prefix::of(Address(overlay.network().v4() | host_part << shift), overlay.length() + 32U - underlay.length());
}

Address host_of(const Prefix& overlay, const Prefix& underlay, Address overlay_address) {
  const unsigned shift = underlay.length() - overlay.length();
  return Address(underlay.network().v4() | (overlay_address.v4() & ~Prefix::mask_bits(overlay.length())) >> shift);
}

Result<Mapping> Mapping::make(const Prefix& overlay, const Prefix& underlay) {
  if (auto reserved = check_reserved(overlay); !reserved)
    return std::move(reserved).error();
  if (overlay.overlaps(underlay))
    return usage_error(fmt::format("overlay {} and underlay {} overlap", overlay.str(), underlay.str()),
                       "choose an overlay outside the underlay");
  if (underlay.length() <= overlay.length())
    return usage_error(
        fmt::format("overlay {} is not larger than underlay {}: no host would have an address to give away",
                    overlay.str(), underlay.str()),
        larger_overlay(overlay, underlay));
  if (const unsigned s = overlay.length() + 32U - underlay.length(); s > 30)
    return usage_error(
        fmt::format("overlay {} over underlay {} gives each host a slice of /{}; the smallest that holds "
                    "a gateway and an endpoint is /30",
                    overlay.str(), underlay.str(), s),
        larger_overlay(overlay, underlay));
  return Mapping(overlay, underlay);
}

Prefix Mapping::slice_of(Address host) const {
  return fan::slice_of(overlay_, underlay_, host);
}

Address Mapping::host_of(Address overlay_address) const {
  return fan::host_of(overlay_, underlay_, overlay_address);
}

bool Mapping::usable_host(Address host) const {
  return underlay_.contains(host) && host != underlay_.network() && host != underlay_.broadcast();
}

} // namespace fan
