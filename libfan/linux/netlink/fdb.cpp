#include "linux/netlink/fdb.h"

#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/attributes.h"

namespace fan::netlink {
namespace {

constexpr std::uint8_t sticky_flag = 1U << 6U; // NTF_STICKY (linux/neighbour.h since 4.20)

} // namespace

std::optional<FdbRecord> parse_record(const nlmsghdr& message, std::uint32_t bridge) {
  const auto* header = header_of<ndmsg>(message);
  if (message.nlmsg_type != RTM_NEWNEIGH || header == nullptr || header->ndm_family != AF_BRIDGE) {
    return std::nullopt;
  }
  const Attributes attributes = Attributes::of(message, sizeof(ndmsg));
  const auto mac = attributes.mac(NDA_LLADDR);
  const auto ifindex = static_cast<std::uint32_t>(header->ndm_ifindex);
  if (!mac || attributes.u32(NDA_MASTER).value_or(0) != bridge) {
    return std::nullopt;
  }
  FdbRecord record;
  record.mac = *mac;
  record.ifindex = ifindex;
  record.local = (header->ndm_state & NUD_PERMANENT) != 0;
  record.fixed = record.local || (header->ndm_state & NUD_NOARP) != 0;
  record.sticky = (header->ndm_flags & sticky_flag) != 0;
  return record;
}

Result<std::vector<FdbRecord>> list_fdb(Socket& socket, std::uint32_t bridge) {
  Message message(RTM_GETNEIGH, NLM_F_DUMP);
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  message.header(header).u32(NDA_MASTER, bridge); // a kernel before 5.0 gives everything, which is filtered above
  auto all = collect<FdbRecord>(socket, message, [bridge](const nlmsghdr& one) { return parse_record(one, bridge); });
  return all ? std::move(all) : std::move(all).error().within("list a bridge's table");
}

} // namespace fan::netlink
