// A fan on this host: a spec with everything worked out. This is what the record in the kernel holds, so it does not
// change when the underlay device or its address goes away.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/fan_spec.h"
#include "core/mapping.h"

namespace fan {

// Per-device IPv4 forwarding that this fan switches on, and what it was before, so that `down` can put it back.
struct SavedForwarding {
  std::string device;
  bool was = false;
  bool alone = false;        // it was off while the host forwarded: somebody wanted just that
  std::uint32_t ifindex = 0; // which stays when the device is renamed; 0: not recorded
  auto operator<=>(const SavedForwarding&) const = default;
};

struct Fan {
  FanSpec spec;
  Mapping mapping;
  Address host;          // this host's address in the underlay
  std::string device;    // the device that carries it when the fan was made
  std::uint32_t mtu = 0; // bytes of inner IP packet
  std::string bridge;    // name of the fan bridge
  std::vector<SavedForwarding> forwarding;
  // Addresses that `host` was before, the newest last. What is attached to the bridge may still use their slices among
  // itself, and nowhere else.
  std::vector<Address> former;
  // Read from an alias that had no room for the whole record: what is not in it is not known, so whoever changes
  // something else leaves the fan as it is. `down` takes others for such, of which a device has lost our sign.
  bool in_part = false;

  [[nodiscard]] Prefix slice() const { return mapping.slice_of(host); }
  [[nodiscard]] Prefix slice_of_former(Address address) const {
    return fan::slice_of(mapping.overlay(), Prefix::of(address, mapping.underlay().length()), address);
  }
  [[nodiscard]] Address gateway() const { return slice().at(1); }
  [[nodiscard]] std::uint32_t vni() const { return spec.vni.value_or(default_vni(spec.overlay)); }
  [[nodiscard]] std::uint16_t port() const { return spec.port.value_or(default_vxlan_port); }
  // True when `fan` receives packets of this encapsulation.
  [[nodiscard]] bool accepts(Encapsulation e) const { return e == spec.encapsulation || spec.accept.count(e) != 0; }

  auto operator<=>(const Fan&) const = default;
};

} // namespace fan
