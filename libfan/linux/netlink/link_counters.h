// What devices have counted. Apart from link.h, which asks the kernel to leave the counters out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/facts.h"
#include "core/result.h"

struct nlmsghdr;

namespace fan::netlink {

class Socket;

// Since the device was made (IFLA_STATS64).
struct LinkCounters {
  LinkFact link;
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t received_errors = 0;
  std::uint64_t received_dropped = 0;
  std::uint64_t sent_packets = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_errors = 0;
  std::uint64_t sent_dropped = 0;
};

// Nothing for a message that is no device's. A device that says nothing of counters has zeros.
std::optional<LinkCounters> parse_counters(const nlmsghdr& message);

// Of every device with our sign, in the kernel's order.
Result<std::vector<LinkCounters>> list_counters(Socket& socket);

} // namespace fan::netlink
