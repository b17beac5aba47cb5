// From what was asked to what it means on this host: which local addresses an underlay names, and the fan that follows
// from one of them. Pure: the host is the Facts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/fan.h"
#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

// A local address that a fan could be built on.
struct Candidate {
  Address host;
  std::string device;
  auto operator<=>(const Candidate&) const = default;
};

// Never empty.
// Address: that one. Network: every local address inside it, one slice each. Device and default route: the device's
// suitable addresses in the kernel's order, /32 last; not deprecated, not of host scope, secondary ones only when there
// is nothing else. When these are several, the caller asks the kernel which it prefers. Errors are of class host_state
// and name what is there instead.
Result<std::vector<Candidate>> candidates(const FanSpec& spec, const Facts& facts);

// Works everything out. `path_mtu` in bytes of outer packet. `others` are the fans that are up, an earlier state of
// this one included: where one of them has saved a device's forwarding, that value is taken, as the kernel's is ours by
// now. Forwarding that is on already and that no fan has saved is somebody else's and is not recorded.
Result<Fan> make_fan(const FanSpec& spec, const Candidate& candidate, std::uint32_t path_mtu, const Facts& facts,
                     const std::vector<Fan>& others);

// True for the loopback device and dummies, which are no way to anybody: an address there is one that a routing
// protocol tells others of.
bool is_linkless(const LinkFact& link);

// The same fan in perhaps another state: same mapping, same host address.
bool is_same_fan(const Fan& a, const Fan& b);

} // namespace fan
