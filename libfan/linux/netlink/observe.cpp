// Network::observe: what the kernel has, as values of core.
#include <algorithm>

#include "linux/netlink/addresses.h"
#include "linux/netlink/link.h"
#include "linux/netlink/neighbours.h"
#include "linux/netlink/network.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

// One observation under way. Each step adds to `seen`; the first that fails ends it.
class Observation {
public:
  Observation(Socket& socket, const Scope& scope) : socket_(socket), scope_(scope) {}

  Result<ObservedSet> run() {
    for (const auto step :
         {&Observation::links, &Observation::addresses, &Observation::neighbours, &Observation::routes}) {
      if (auto done = (this->*step)(); !done) {
        return std::move(done).error();
      }
    }
    return std::move(seen_);
  }

private:
  void add(Object object, bool ours) {
    std::string key = key_of(object);
    seen_.insert_or_assign(std::move(key), Observed{std::move(object), ours});
  }

  Result<void> links() {
    auto all = list_links(socket_);
    if (!all) {
      return std::move(all).error();
    }
    links_ = std::move(*all);
    for (const Link& link : links_) {
      const bool asked_for = scope_.devices.count(link.fact.name) != 0;
      const bool ours = bears_our_sign(link.fact);
      auto object = object_of(link);
      if (object && (ours || asked_for)) {
        add(std::move(*object), ours);
      }
      if (asked_for && link.querier) {
        add(Querier{link.fact.name, *link.querier}, false);
      }
      if (asked_for && link.fact.up) {
        add(LinkUp{link.fact.name}, false);
      }
    }
    return {};
  }

  Result<void> addresses() {
    auto all = list_addresses(socket_);
    if (!all) {
      return std::move(all).error();
    }
    for (const AddressFact& fact : *all) {
      const std::string device = name_of(fact.ifindex);
      if (scope_.devices.count(device) != 0) {
        add(InterfaceAddress{device, fact.address, fact.prefix_length}, false);
      }
    }
    return {};
  }

  Result<void> neighbours() {
    for (const Link& link : links_) {
      if (scope_.devices.count(link.fact.name) == 0) {
        continue;
      }
      auto all = list_neighbours(socket_, link.fact.ifindex);
      if (!all) {
        return std::move(all).error();
      }
      for (const NeighbourEntry& entry : *all) {
        add(Neighbour{link.fact.name, entry.address, entry.mac}, false);
      }
    }
    return {};
  }

  Result<void> routes() {
    auto all = routes_for(socket_, scope_.routes);
    if (!all) {
      return std::move(all).error();
    }
    for (const RouteEntry& entry : *all) {
      add(Route{entry.destination, entry.via.value_or(Address()), name_of(entry.ifindex), entry.source, entry.mtu},
          entry.protocol == route_protocol);
    }
    return {};
  }

  [[nodiscard]] std::string name_of(std::uint32_t ifindex) const {
    const auto found = std::find_if(links_.begin(), links_.end(),
                                    [ifindex](const Link& link) { return link.fact.ifindex == ifindex; });
    return found == links_.end() ? std::string() : found->fact.name;
  }

  Socket& socket_;
  const Scope& scope_;
  std::vector<Link> links_;
  ObservedSet seen_;
};

} // namespace

Result<ObservedSet> Network::observe(const Scope& scope) {
  auto socket = Socket::open();
  return socket ? Observation(*socket, scope).run() : std::move(socket).error();
}

} // namespace fan::netlink
