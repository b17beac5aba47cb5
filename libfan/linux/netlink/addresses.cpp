#include "linux/netlink/addresses.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/route/addr.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/encode.h"
#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

struct PutAddress {
  void operator()(rtnl_addr* address) const { rtnl_addr_put(address); }
};
using AddressObject = std::unique_ptr<rtnl_addr, PutAddress>;

// Of one device where its ifindex is given; a kernel before 4.20 gives those of all.
Message address_dump(std::uint32_t ifindex = 0) {
  Message message(RTM_GETADDR, NLM_F_DUMP);
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_index = ifindex;
  message.header(header);
  return message;
}

AddressObject encode(const AddressFact& fact) {
  AddressObject object(rtnl_addr_alloc());
  const EncodedAddress local = encode_v4(fact.address, fact.prefix_length);
  if (!object || !local || rtnl_addr_set_local(object.get(), local.get()) < 0) {
    return nullptr;
  }
  rtnl_addr_set_ifindex(object.get(), static_cast<int>(fact.ifindex));
  rtnl_addr_set_prefixlen(object.get(), static_cast<int>(fact.prefix_length));
  if (fact.host_scope) {
    rtnl_addr_set_scope(object.get(), RT_SCOPE_HOST);
  }
  return object;
}

Result<void> add(Socket& socket, const AddressFact& fact) {
  const AddressObject object = encode(fact);
  nl_msg* built = nullptr;
  if (object) {
    rtnl_addr_build_add_request(object.get(), NLM_F_CREATE | NLM_F_EXCL, &built);
  }
  Message message(built);
  return socket.request(message);
}

Result<void> remove(Socket& socket, const AddressFact& fact) {
  const AddressObject object = encode(fact);
  nl_msg* built = nullptr;
  if (object) {
    rtnl_addr_build_delete_request(object.get(), 0, &built);
  }
  Message message(built);
  return socket.request(message);
}

bool same(const AddressFact& a, const AddressFact& b) {
  return a.ifindex == b.ifindex && a.address == b.address && a.prefix_length == b.prefix_length;
}

// An address with all that the kernel says of it: label, lifetimes, who set it.
struct WholeAddress {
  AddressFact fact;
  std::vector<unsigned char> body; // of the message
};

bool contains(const std::vector<WholeAddress>& all, const AddressFact& one) {
  return std::any_of(all.begin(), all.end(), [&one](const WholeAddress& other) { return same(one, other.fact); });
}

Result<std::vector<WholeAddress>> list_whole(Socket& socket, std::uint32_t ifindex) {
  Message message = address_dump(ifindex);
  return collect<WholeAddress>(socket, message, [](const nlmsghdr& one) -> std::optional<WholeAddress> {
    const auto fact = parse_address(one);
    if (!fact) {
      return std::nullopt;
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(&one);
    return WholeAddress{*fact, {bytes + NLMSG_HDRLEN, bytes + one.nlmsg_len}};
  });
}

// Puts back those of `before` on `removed`'s device that went with it.
Result<void> put_back(Socket& socket, const std::vector<WholeAddress>& before, const AddressFact& removed) {
  const auto now = list_whole(socket, removed.ifindex);
  if (!now) {
    return now.error();
  }
  for (const WholeAddress& address : before) {
    const AddressFact& fact = address.fact;
    if (fact.ifindex != removed.ifindex || same(fact, removed) || contains(*now, fact)) {
      continue;
    }
    Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    if (auto added = socket.request(message.body(address.body)); !added) {
      return std::move(added).error().within("put back " + fact.address.str());
    }
  }
  return {};
}

Result<AddressFact> fact_of(Socket& socket, const InterfaceAddress& address) {
  auto link = require_link(socket, address.device);
  if (!link) {
    return std::move(link).error();
  }
  AddressFact fact;
  fact.ifindex = link->fact.ifindex;
  fact.address = address.address;
  fact.prefix_length = address.prefix_length;
  fact.host_scope = address.device == loopback;
  return fact;
}

std::string name_of(const InterfaceAddress& address) {
  return fmt::format("address {}/{} on {}", address.address.str(), address.prefix_length, address.device);
}

} // namespace

std::optional<AddressFact> parse_address(const nlmsghdr& message) {
  const auto* header = header_of<ifaddrmsg>(message);
  const Attributes attributes = Attributes::of(message, sizeof(ifaddrmsg));
  const auto local = attributes.v4(attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS);
  if (message.nlmsg_type != RTM_NEWADDR || header == nullptr || header->ifa_family != AF_INET ||
      header->ifa_prefixlen > 32 || !local) {
    return std::nullopt;
  }
  const std::uint32_t flags = attributes.u32(IFA_FLAGS).value_or(header->ifa_flags);
  AddressFact fact;
  fact.ifindex = header->ifa_index;
  fact.address = *local;
  fact.prefix_length = header->ifa_prefixlen;
  fact.secondary = (flags & IFA_F_SECONDARY) != 0;
  fact.deprecated = (flags & IFA_F_DEPRECATED) != 0;
  fact.host_scope = header->ifa_scope >= RT_SCOPE_HOST;
  return fact;
}

std::optional<Lifetime> parse_lifetime(const nlmsghdr& message) {
  const std::optional<AddressFact> fact = parse_address(message);
  const Attributes attributes = Attributes::of(message, sizeof(ifaddrmsg));
  const auto raw = attributes.get(IFA_CACHEINFO);
  const auto times = raw ? raw->number<ifa_cacheinfo>() : std::nullopt;
  if (!fact) {
    return std::nullopt;
  }
  return Lifetime{fact->ifindex, fact->address, times ? times->ifa_valid : ~std::uint32_t{0}};
}

Result<std::vector<AddressFact>> list_addresses(Socket& socket) {
  Message message = address_dump();
  auto all = collect<AddressFact>(socket, message, parse_address);
  return all ? std::move(all) : std::move(all).error().within("list the addresses");
}

Result<std::vector<Lifetime>> list_lifetimes(Socket& socket) {
  Message message = address_dump();
  auto all = collect<Lifetime>(socket, message, parse_lifetime);
  return all ? std::move(all) : std::move(all).error().within("list the addresses");
}

Result<void> add_address(Socket& socket, const InterfaceAddress& address) {
  const auto fact = fact_of(socket, address);
  auto done = fact ? add(socket, *fact) : Result<void>(fact.error());
  return done ? std::move(done) : std::move(done).error().within("add " + name_of(address));
}

Result<void> change_address(Socket& socket, const InterfaceAddress& before, const InterfaceAddress& after) {
  const auto fact = fact_of(socket, after);
  Result<void> done = fact ? Result<void>() : Result<void>(fact.error());
  if (done && before.connected != after.connected) {
    const ConnectedNetwork network{Prefix::of(fact->address, fact->prefix_length), fact->ifindex};
    done = after.connected ? connect_network(socket, network, fact->address) : disconnect_network(socket, network);
  }
  return done ? std::move(done) : std::move(done).error().within("change " + name_of(after));
}

Result<void> remove_address(Socket& socket, const InterfaceAddress& address) {
  const auto fact = fact_of(socket, address);
  const auto before = fact ? list_whole(socket, fact->ifindex) : Result<std::vector<WholeAddress>>(fact.error());
  auto done = before ? remove(socket, *fact) : Result<void>(before.error());
  if (done) {
    done = put_back(socket, *before, *fact);
  }
  return done ? std::move(done) : std::move(done).error().within("remove " + name_of(address));
}

} // namespace fan::netlink
