// What was read of devices, of addresses and of bridges' tables, for those who look at one and the same moment: a
// thousand ports take the kernel ten milliseconds and more to list.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/result.h"
#include "linux/netlink/fdb.h"
#include "linux/netlink/link.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {

// Reads each list when it is first asked for, once. What is given lives as long as the Look.
class Look {
public:
  Look() = default;
  explicit Look(std::vector<Link> links) : links_(std::move(links)) {}

  Result<const std::vector<Link>*> links(Socket& socket);
  // By the bridge's ifindex.
  Result<const std::vector<FdbRecord>*> table(Socket& socket, std::uint32_t bridge);
  // This host's own.
  Result<const std::set<Address>*> addresses(Socket& socket);

private:
  std::optional<std::vector<Link>> links_;
  std::map<std::uint32_t, std::vector<FdbRecord>> tables_;
  std::optional<std::set<Address>> addresses_;
};

} // namespace fan::netlink
