#include "linux/netlink/neighbours.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/route/neighbour.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/encode.h"
#include "linux/netlink/error.h"
#include "linux/netlink/link.h"

namespace fan::netlink {
namespace {

struct PutNeighbour {
  void operator()(rtnl_neigh* neighbour) const { rtnl_neigh_put(neighbour); }
};
using NeighbourObject = std::unique_ptr<rtnl_neigh, PutNeighbour>;

NeighbourObject encode(const NeighbourEntry& entry) {
  NeighbourObject object(rtnl_neigh_alloc());
  const EncodedAddress address = encode_v4(entry.address);
  const EncodedAddress mac = encode_mac(entry.mac);
  if (!object || !address || !mac || rtnl_neigh_set_dst(object.get(), address.get()) < 0) {
    return nullptr;
  }
  rtnl_neigh_set_lladdr(object.get(), mac.get());
  rtnl_neigh_set_ifindex(object.get(), static_cast<int>(entry.ifindex));
  rtnl_neigh_set_state(object.get(), NUD_PERMANENT);
  return object;
}

Result<void> put(Socket& socket, const NeighbourEntry& entry, int flags) {
  const NeighbourObject object = encode(entry);
  nl_msg* built = nullptr;
  if (object) {
    rtnl_neigh_build_add_request(object.get(), flags, &built);
  }
  Message message(built);
  return socket.request(message);
}

Result<void> remove(Socket& socket, const NeighbourEntry& entry) {
  const NeighbourObject object = encode(entry);
  nl_msg* built = nullptr;
  if (object) {
    rtnl_neigh_build_delete_request(object.get(), 0, &built);
  }
  Message message(built);
  return socket.request(message);
}

Result<bool> is_permanent(Socket& socket, const NeighbourEntry& entry) {
  auto all = list_neighbours(socket, entry.ifindex);
  if (!all) {
    return std::move(all).error();
  }
  return std::any_of(all->begin(), all->end(), [&entry](const auto& other) { return other.address == entry.address; });
}

// What the kernel's answer is to be when a permanent entry is or is not there already.
Result<void> require_permanent(Socket& socket, const NeighbourEntry& entry, bool wanted) {
  auto there = is_permanent(socket, entry);
  if (!there) {
    return std::move(there).error();
  }
  return *there == wanted ? Result<void>() : Result<void>(error_from(wanted ? ENOENT : EEXIST, ""));
}

Result<NeighbourEntry> entry_of(Socket& socket, const Neighbour& neighbour) {
  auto link = require_link(socket, neighbour.device);
  if (!link) {
    return std::move(link).error();
  }
  return NeighbourEntry{link->fact.ifindex, neighbour.address, neighbour.mac, 0};
}

// `verb` a neighbour: look its device up, do it, say what it was when it fails.
template <class Do>
Result<void> with_entry(Socket& socket, const Neighbour& neighbour, const char* verb, Do carry_out) {
  const auto entry = entry_of(socket, neighbour);
  auto done = entry ? carry_out(*entry) : Result<void>(entry.error());
  return done ? std::move(done)
              : std::move(done).error().within(std::string(verb) + " neighbour " + neighbour.address.str() + " on " +
                                               neighbour.device);
}

} // namespace

std::optional<NeighbourEntry> parse_neighbour(const nlmsghdr& message, std::uint32_t ifindex) {
  const auto* header = header_of<ndmsg>(message);
  const Attributes attributes = Attributes::of(message, sizeof(ndmsg));
  const auto address = attributes.v4(NDA_DST);
  if (message.nlmsg_type != RTM_NEWNEIGH || header == nullptr || header->ndm_family != AF_INET || !address ||
      (ifindex != 0 && static_cast<std::uint32_t>(header->ndm_ifindex) != ifindex) ||
      (header->ndm_state & NUD_PERMANENT) == 0) {
    return std::nullopt;
  }
  return NeighbourEntry{static_cast<std::uint32_t>(header->ndm_ifindex), *address,
                        attributes.mac(NDA_LLADDR).value_or(Mac{}), attributes.u8(NDA_PROTOCOL).value_or(0)};
}

std::optional<ResolvedNeighbour> parse_resolved(const nlmsghdr& message, unsigned char family) {
  const auto* header = header_of<ndmsg>(message);
  if (message.nlmsg_type != RTM_NEWNEIGH || header == nullptr || header->ndm_family != family) {
    return std::nullopt;
  }
  const Attributes attributes = Attributes::of(message, sizeof(ndmsg));
  const auto mac = attributes.mac(NDA_LLADDR);
  const auto address = attributes.v4(NDA_DST);
  const bool is_group = family == AF_INET && (header->ndm_state & NUD_NOARP) != 0;
  if (!mac || is_group || (family == AF_INET && !address)) {
    return std::nullopt;
  }
  return ResolvedNeighbour{static_cast<std::uint32_t>(header->ndm_ifindex), address.value_or(Address()), *mac};
}

Result<std::vector<NeighbourEntry>> list_neighbours(Socket& socket, std::uint32_t ifindex) {
  Message message(RTM_GETNEIGH, NLM_F_DUMP);
  ndmsg header{};
  header.ndm_family = AF_INET;
  message.header(header);
  if (ifindex != 0) {
    message.u32(NDA_IFINDEX, ifindex); // the kernel filters; what an old one that does not gives is filtered below
  }
  auto all = collect<NeighbourEntry>(socket, message,
                                     [ifindex](const nlmsghdr& one) { return parse_neighbour(one, ifindex); });
  return all ? std::move(all) : std::move(all).error().within("list the neighbours");
}

Result<std::vector<NeighbourEntry>> list_neighbours(Socket& socket, const std::set<std::uint32_t>& devices) {
  constexpr std::size_t few = 4;
  std::vector<NeighbourEntry> wanted;
  for (const std::uint32_t asked : devices.size() > few ? std::set<std::uint32_t>{0} : devices) {
    auto all = list_neighbours(socket, asked);
    if (!all) {
      return all;
    }
    std::copy_if(all->begin(), all->end(), std::back_inserter(wanted),
                 [&](const NeighbourEntry& entry) { return devices.count(entry.ifindex) != 0; });
  }
  return wanted;
}

Result<void> add_neighbour(Socket& socket, const Neighbour& neighbour) {
  return with_entry(socket, neighbour, "add", [&socket](const NeighbourEntry& entry) {
    auto done = put(socket, entry, NLM_F_CREATE | NLM_F_EXCL);
    if (done || done.error().sys_errno != EEXIST) {
      return done;
    }
    auto free = require_permanent(socket, entry, false);
    return free ? put(socket, entry, NLM_F_REPLACE) : std::move(free);
  });
}

Result<void> change_neighbour(Socket& socket, const Neighbour& neighbour) {
  return with_entry(socket, neighbour, "change", [&socket](const NeighbourEntry& entry) {
    auto there = require_permanent(socket, entry, true);
    return there ? put(socket, entry, NLM_F_REPLACE) : std::move(there);
  });
}

Result<void> remove_neighbour(Socket& socket, const Neighbour& neighbour) {
  return with_entry(socket, neighbour, "remove", [&socket](const NeighbourEntry& entry) {
    // Asked first, because the kernel also deletes, successfully, an entry that it learned itself.
    auto there = require_permanent(socket, entry, true);
    return there ? remove(socket, entry) : std::move(there);
  });
}

} // namespace fan::netlink
