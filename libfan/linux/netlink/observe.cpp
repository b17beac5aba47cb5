// Network::observe: what the kernel has, as values of core.
#include <algorithm>
#include <map>
#include <set>

#include "linux/netlink/addresses.h"
#include "linux/netlink/fdb.h"
#include "linux/netlink/link.h"
#include "linux/netlink/look.h"
#include "linux/netlink/neighbours.h"
#include "linux/netlink/network.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

// One observation under way. Each step adds to `seen`; the first that fails ends it.
class Observation {
public:
  Observation(Socket& socket, Look& look, const Scope& scope) : socket_(socket), look_(look), scope_(scope) {}

  Result<ObservedSet> run() {
    for (const auto step : {&Observation::links, &Observation::addresses, &Observation::neighbours,
                            &Observation::tables, &Observation::routes}) {
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
    const auto all = look_.links(socket_);
    if (!all) {
      return all.error();
    }
    links_ = *all;
    for (const Link& link : *links_) {
      names_.emplace(link.fact.ifindex, link.fact.name);
    }
    for (const Link& link : *links_) {
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
    for (const Link& link : *links_) {
      if (link.port &&
          (scope_.devices.count(link.fact.name) != 0 || scope_.devices.count(name_of(link.fact.master)) != 0)) {
        add_flags(link);
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
    std::set<std::uint32_t> asked;
    for (const Link& link : *links_) {
      if (scope_.devices.count(link.fact.name) != 0 && !link.port) { // a bridge's port has no neighbours of its own
        asked.insert(link.fact.ifindex);
      }
    }
    auto all = list_neighbours(socket_, asked);
    if (!all) {
      return std::move(all).error();
    }
    for (const NeighbourEntry& entry : *all) {
      const bool ours = entry.protocol == endpoint_protocol || entry.protocol == secured_endpoint_protocol;
      add(Neighbour{name_of(entry.ifindex), entry.address, entry.mac, ours ? entry.protocol : std::uint8_t{0}}, ours);
    }
    return {};
  }

  Result<void> tables() {
    for (const Link& link : *links_) {
      if (link.fact.kind != "bridge" || scope_.devices.count(link.fact.name) == 0) {
        continue;
      }
      const auto all = look_.table(socket_, link.fact.ifindex);
      if (!all) {
        return all.error();
      }
      for (const FdbRecord& entry : **all) {
        const bool ear = entry.mac == own_ear_mac && entry.local && entry.ifindex == link.fact.ifindex;
        if (ear || entry.sticky) {
          add(FdbEntry{link.fact.name, entry.mac, ear ? std::string() : name_of(entry.ifindex)}, false);
        }
      }
    }
    return {};
  }

  void add_flags(const Link& port) {
    for (const PortFlagName flag : {PortFlagName::proxy_arp_wifi, PortFlagName::bcast_flood}) {
      if (port.port->get(flag).value_or(is_on_at_first(flag)) != is_on_at_first(flag)) {
        add(PortFlag{port.fact.name, flag}, false);
      }
    }
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
    const auto found = names_.find(ifindex);
    return found == names_.end() ? std::string() : found->second;
  }

  Socket& socket_;
  Look& look_;
  const Scope& scope_;
  const std::vector<Link>* links_ = nullptr;
  std::map<std::uint32_t, std::string> names_; // by ifindex
  ObservedSet seen_;
};

} // namespace

Result<ObservedSet> Network::observe(const Scope& scope) {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  std::unique_ptr<Look> own;
  auto seen = Observation(*socket, look(own), scope).run();
  last_look_ = look_ ? std::move(look_) : std::move(own);
  begun_ = std::chrono::steady_clock::now();
  return seen;
}

} // namespace fan::netlink
