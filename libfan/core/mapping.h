// The fan's arithmetic: which host owns which slice. Pure; the same rule in C for BPF is bpf/fan_map.h, and a test
// holds the two against each other for every prefix pair.
#pragma once

#include "core/address.h"
#include "core/result.h"

namespace fan {

// The bare rule, for any pair of prefixes; Mapping below is what the rest of the program uses.
// Precondition for both: overlay.length() < underlay.length(). What lies outside the underlay or overlay is masked off.
Prefix slice_of(const Prefix& overlay, const Prefix& underlay, Address host);
Address host_of(const Prefix& overlay, const Prefix& underlay, Address overlay_address);

// The pair (overlay, underlay). Invariant: 1 <= overlay.length < underlay.length, slice_length() <= 30, no overlap.
class Mapping {
public:
  // Refuses, with what to change (class usage): u <= o, s > 30, overlap, an overlay that is or contains part of
  // 0/8, 127/8, 169.254/16 or 224/4.
  static Result<Mapping> make(const Prefix& overlay, const Prefix& underlay);

  [[nodiscard]] const Prefix& overlay() const { return overlay_; }
  [[nodiscard]] const Prefix& underlay() const { return underlay_; }
  // o + 32 - u
  [[nodiscard]] unsigned slice_length() const { return overlay_.length() + 32U - underlay_.length(); }

  // The slice that `host` owns. Precondition: underlay().contains(host).
  [[nodiscard]] Prefix slice_of(Address host) const;
  // The underlay address of the host that owns `overlay_address`. Precondition: overlay().contains(overlay_address).
  [[nodiscard]] Address host_of(Address overlay_address) const;
  // False for an underlay address whose host part is all zeros or all ones: it names a network, not a host.
  [[nodiscard]] bool usable_host(Address host) const;

  auto operator<=>(const Mapping&) const = default;

private:
  Mapping(const Prefix& overlay, const Prefix& underlay) : overlay_(overlay), underlay_(underlay) {}
  Prefix overlay_;
  Prefix underlay_;
};

} // namespace fan
