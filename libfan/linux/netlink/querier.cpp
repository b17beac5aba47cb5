#include "linux/netlink/querier.h"

#include <cerrno>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/network.h"

namespace fan::netlink {
namespace {

// The attributes that `fill` puts into the bridge's own.
template <class Fill>
Result<void> set(Socket& socket, std::uint32_t ifindex, Fill fill) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(ifindex);
  Message message(RTM_NEWLINK, 0);
  message.header(header).nest(IFLA_LINKINFO,
                              [&](Message& info) { info.text(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, fill); });
  return socket.request(message);
}

Result<void> set_querier(Socket& socket, std::uint32_t ifindex, bool on) {
  return set(socket, ifindex, [on](Message& data) { data.u8(IFLA_BR_MCAST_QUERIER, on ? 1 : 0); });
}

Result<void> set_interval(Socket& socket, std::uint32_t ifindex, std::uint32_t interval) {
  return set(socket, ifindex, [interval](Message& data) { data.u64(IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, interval); });
}

Result<void> snoop(Socket& socket, std::uint32_t ifindex) {
  return set(socket, ifindex, [](Message& data) { data.u8(IFLA_BR_MCAST_SNOOPING, 1); });
}

// The bridge, when its querier is `on` or not.
Result<std::uint32_t> bridge_of(Socket& socket, const std::string& bridge, bool on) {
  auto link = require_link(socket, bridge);
  if (!link) {
    return std::move(link).error();
  }
  if ((link->querier && link->querier->on) != on) {
    return error_from(on ? ENOENT : EEXIST, "");
  }
  return link->fact.ifindex;
}

Result<void> said(Result<void> done, const char* verb, const Querier& querier) {
  return done ? std::move(done)
              : std::move(done).error().within(std::string(verb) + " the multicast querier of " + querier.bridge);
}

// The interval in a message before the querier's: a querier takes the one that it finds when it is switched on.
Result<void> switch_on(Socket& socket, std::uint32_t ifindex, std::uint32_t interval) {
  auto done = set_interval(socket, ifindex, interval);
  if (done) {
    done = snoop(socket, ifindex);
  }
  if (done) {
    done = set_querier(socket, ifindex, true);
  }
  if (!done) {
    (void)set_interval(socket, ifindex, kernel_response_interval); // the first error is the one that matters
  }
  return done;
}

Result<void> switch_off(Socket& socket, std::uint32_t ifindex, std::uint32_t interval) {
  auto done = set_querier(socket, ifindex, false);
  return done ? set_interval(socket, ifindex, interval) : std::move(done);
}

Result<void> alter(Socket& socket, std::uint32_t ifindex, const Querier& before, const Querier& after) {
  if (before.on == after.on) {
    return set_interval(socket, ifindex, after.response_interval);
  }
  return after.on ? switch_on(socket, ifindex, after.response_interval)
                  : switch_off(socket, ifindex, after.response_interval);
}

} // namespace

Result<void> add_querier(Socket& socket, const Querier& querier) {
  const auto bridge = bridge_of(socket, querier.bridge, false);
  return said(bridge ? switch_on(socket, *bridge, querier.response_interval) : Result<void>(bridge.error()),
              "switch on", querier);
}

Result<void> change_querier(Socket& socket, const Querier& before, const Querier& after) {
  const auto bridge = bridge_of(socket, before.bridge, before.on);
  return said(bridge ? alter(socket, *bridge, before, after) : Result<void>(bridge.error()), "change", after);
}

Result<void> remove_querier(Socket& socket, const Querier& querier) {
  const auto bridge = bridge_of(socket, querier.bridge, querier.on);
  return said(bridge ? switch_off(socket, *bridge, kernel_response_interval) : Result<void>(bridge.error()),
              "switch off", querier);
}

} // namespace fan::netlink
