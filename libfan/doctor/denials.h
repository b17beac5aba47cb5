// What AppArmor and SELinux forbade to fanctl or to its DHCP server, read from lines of the kernel's log and of
// auditd's (Documentation/admin-guide/LSM, audit(8)). Pure. The lines have words of any process in them: what cannot be
// read says nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fan::doctor {

struct Denial {
  std::string line;
  std::string event;         // "1700000000.123:456", by which both logs name it; "" when it has none
  std::uint64_t seconds = 0; // since 1970, 0 when it is not told
  bool operator==(const Denial&) const = default;
};

// In their order. `with_server`: a fan has a DHCP server; else a dnsmasq is somebody else's.
std::vector<Denial> denials_of_ours(std::string_view log, bool with_server = true);

} // namespace fan::doctor
