// One message from the kernel: a device with its counters, a route, or an error with its extended acknowledgement. What
// the attributes claim of their lengths may be anything.
#include <cstring>
#include <vector>

#include <linux/netlink.h>

#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/link_counters.h"
#include "linux/netlink/network.h"
#include "linux/netlink/routes.h"
#include "property.h"

namespace {

void read_as_device(const nlmsghdr& message) {
  const auto link = fan::netlink::parse_link(message);
  const auto counters = fan::netlink::parse_counters(message);
  fan::fuzz::require(link.has_value() == counters.has_value(), "counters are a device's");
  if (link) {
    const auto object = fan::netlink::object_of(*link);
    fan::fuzz::require(!object || !fan::key_of(*object).empty(), "an object has a key");
    (void)fan::netlink::bears_our_sign(link->fact);
  }
}

void read_as_error(const nlmsghdr& message) {
  const int number = fan::netlink::errno_of(message);
  const fan::Error error = fan::netlink::error_from(message);
  fan::fuzz::require(number == 0 || !error.message.empty(), "an error says something");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < sizeof(nlmsghdr)) {
    return 0;
  }
  // Of the size of the message to the byte, so that whoever reads on is caught. The kernel's length is the socket's to
  // check.
  std::vector<std::uint8_t> bytes(data, data + size);
  auto* message = reinterpret_cast<nlmsghdr*>(bytes.data());
  message->nlmsg_len = static_cast<std::uint32_t>(size);
  read_as_device(*message);
  if (const auto route = fan::netlink::parse_route(*message)) {
    fan::fuzz::require(route->destination.length() <= 32, "a prefix is of an IPv4 address");
  }
  read_as_error(*message);
  return 0;
}
