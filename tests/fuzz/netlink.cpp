// One message from the kernel: a device with its counters, a route, a next hop, a rule of routing, an address, a
// neighbour, an entry of a bridge's table, a socket, or an error with its extended acknowledgement; and a message of
// ARP. What the attributes claim of their lengths may be anything.
#include <cstring>
#include <vector>

#include <linux/netlink.h>
#include <sys/socket.h>

#include "linux/netlink/addresses.h"
#include "linux/netlink/endpoint_watch.h"
#include "linux/netlink/error.h"
#include "linux/netlink/fdb.h"
#include "linux/netlink/inspection.h"
#include "linux/netlink/link.h"
#include "linux/netlink/link_counters.h"
#include "linux/netlink/neighbours.h"
#include "linux/netlink/network.h"
#include "linux/netlink/policy_rules.h"
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

void read_as_route(const nlmsghdr& message) {
  if (const auto route = fan::netlink::parse_route(message)) {
    fan::fuzz::require(route->destination.length() <= 32, "a prefix is of an IPv4 address");
  }
  if (const auto hop = fan::netlink::parse_next_hop(message)) {
    fan::fuzz::require(hop->members.size() <= message.nlmsg_len / 8, "no more members than there is room for");
  }
  if (const auto rule = fan::netlink::parse_rule(message)) {
    fan::fuzz::require(rule->source.length() <= 32 && rule->destination.length() <= 32,
                       "prefixes are of IPv4 addresses");
    fan::fuzz::require(!fan::text_of(*rule).empty(), "a rule has words");
    fan::fuzz::require(fan::deletion_of(*rule, {*rule}).empty() != rule->understood, "and a line, where all is known");
  }
}

void read_as_address(const nlmsghdr& message) {
  const auto address = fan::netlink::parse_address(message);
  const auto lifetime = fan::netlink::parse_lifetime(message);
  fan::fuzz::require(address.has_value() == lifetime.has_value(), "a lifetime is an address's");
  if (address) {
    fan::fuzz::require(address->prefix_length <= 32, "a prefix is of an IPv4 address");
    fan::fuzz::require(address->address == lifetime->address && address->ifindex == lifetime->ifindex,
                       "it is that address's");
  }
}

void read_as_neighbour(const nlmsghdr& message) {
  const auto permanent = fan::netlink::parse_neighbour(message, 0);
  if (permanent) {
    const auto there = fan::netlink::parse_neighbour(message, permanent->ifindex);
    fan::fuzz::require(there && there->address == permanent->address, "a neighbour is on its device");
    fan::fuzz::require(!fan::netlink::parse_neighbour(message, permanent->ifindex + 1) || permanent->ifindex == ~0U,
                       "and on no other");
  }
  const auto heard = fan::netlink::heard_in(message);
  const auto resolved = fan::netlink::parse_resolved(message, AF_INET);
  fan::fuzz::require(!heard || !resolved || heard->mac == resolved->mac, "both say the same");
  const auto record = fan::netlink::parse_record(message, 3);
  fan::fuzz::require(!record || fan::netlink::parse_resolved(message, AF_BRIDGE), "who is in a table has a MAC");
  fan::fuzz::require(!record || record->fixed || !record->local, "what is the bridge's own does not age");
}

void read_as_arp(const std::vector<std::uint8_t>& bytes) {
  const fan::Mac from{{2, 0, 0, 0, 0, 1}};
  const auto heard = fan::netlink::heard_in(bytes, from, 3);
  fan::fuzz::require(!heard || (heard->mac == from && heard->bridge == 3), "a sender is who sent the frame");
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
  read_as_arp(bytes);
  auto* message = reinterpret_cast<nlmsghdr*>(bytes.data());
  message->nlmsg_len = static_cast<std::uint32_t>(size);
  read_as_device(*message);
  read_as_route(*message);
  read_as_address(*message);
  read_as_neighbour(*message);
  (void)fan::netlink::parse_bound(*message);
  read_as_error(*message);
  return 0;
}
