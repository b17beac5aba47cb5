#include "linux/netlink/link_counters.h"

#include <algorithm>
#include <cstring>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/link.h"
#include "linux/netlink/network.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {
namespace {

// An older kernel's struct is shorter, a newer one's longer; what both have stands at the same place.
rtnl_link_stats64 stats_of(const Attributes& attributes) {
  rtnl_link_stats64 stats{};
  if (const auto bytes = attributes.get(IFLA_STATS64)) {
    std::memcpy(&stats, bytes->data(), std::min(bytes->size(), sizeof stats));
  }
  return stats;
}

} // namespace

std::optional<LinkCounters> parse_counters(const nlmsghdr& message) {
  std::optional<Link> link = parse_link(message);
  if (!link) {
    return std::nullopt;
  }
  const rtnl_link_stats64 stats = stats_of(Attributes::of(message, sizeof(ifinfomsg)));
  return LinkCounters{std::move(link->fact), stats.rx_packets, stats.rx_bytes,  stats.rx_errors, stats.rx_dropped,
                      stats.tx_packets,      stats.tx_bytes,   stats.tx_errors, stats.tx_dropped};
}

Result<std::vector<LinkCounters>> list_counters(Socket& socket) {
  Message message(RTM_GETLINK, NLM_F_DUMP);
  message.header(ifinfomsg{});
  auto all = collect<LinkCounters>(socket, message, parse_counters);
  if (!all) {
    return std::move(all).error().within("read the devices' counters");
  }
  std::erase_if(*all, [](const LinkCounters& one) { return !bears_our_sign(one.link); });
  return all;
}

} // namespace fan::netlink
