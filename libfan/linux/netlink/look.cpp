#include "linux/netlink/look.h"

#include "linux/netlink/addresses.h"

namespace fan::netlink {

Result<const std::vector<Link>*> Look::links(Socket& socket) {
  if (!links_) {
    auto all = list_links(socket);
    if (!all) {
      return std::move(all).error();
    }
    links_ = std::move(*all);
  }
  return &*links_;
}

Result<const std::vector<FdbRecord>*> Look::table(Socket& socket, std::uint32_t bridge) {
  auto found = tables_.find(bridge);
  if (found == tables_.end()) {
    auto all = list_fdb(socket, bridge);
    if (!all) {
      return std::move(all).error();
    }
    found = tables_.emplace(bridge, std::move(*all)).first;
  }
  return &found->second;
}

Result<const std::set<Address>*> Look::addresses(Socket& socket) {
  if (!addresses_) {
    const auto all = list_addresses(socket);
    if (!all) {
      return all.error();
    }
    addresses_.emplace();
    for (const AddressFact& fact : *all) {
      addresses_->insert(fact.address);
    }
  }
  return &*addresses_;
}

} // namespace fan::netlink
