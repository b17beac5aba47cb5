// Network::observe: what the kernel has, as values of core.
#include <algorithm>
#include <map>
#include <set>

#include <linux/rtnetlink.h>

#include "linux/netlink/addresses.h"
#include "linux/netlink/fdb.h"
#include "linux/netlink/link.h"
#include "linux/netlink/look.h"
#include "linux/netlink/neighbours.h"
#include "linux/netlink/network.h"
#include "linux/netlink/route_lookup.h"
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
      if (auto* tunnel = object ? std::get_if<Tunnel>(&*object) : nullptr) {
        tunnel->master = name_of(link.fact.master);
      }
      if (object && (ours || asked_for)) {
        add(std::move(*object), ours);
      }
      if (asked_for && link.querier) {
        add_querier(link.fact.name, *link.querier, ours);
      }
      if (asked_for && link.fact.up) {
        up_.insert(link.fact.ifindex);
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

  // Nobody but us gives a bridge of ours the interval that a querier of ours has; any other is somebody's wish.
  void add_querier(const std::string& bridge, const QuerierState& state, bool ours) {
    if (state.on) {
      add(Querier{bridge, state.response_interval}, false);
    } else if (ours && state.response_interval == querier_response_interval) {
      add(Querier{bridge, state.response_interval, false}, true);
    }
  }

  Result<void> addresses() {
    auto all = list_addresses(socket_);
    if (!all) {
      return std::move(all).error();
    }
    std::erase_if(*all, [&](const AddressFact& fact) { return scope_.devices.count(name_of(fact.ifindex)) == 0; });
    const auto without = networks_without_route(*all);
    if (!without) {
      return without.error();
    }
    for (const AddressFact& fact : *all) {
      const bool connected = fact.secondary || without->count(network_of(fact)) == 0;
      add(InterfaceAddress{name_of(fact.ifindex), fact.address, fact.prefix_length, connected}, false);
    }
    return {};
  }

  // Of these addresses, where the kernel has made a route to the network once. With a device that goes down the route
  // goes too, and comes back when it is up.
  Result<std::set<ConnectedNetwork>> networks_without_route(const std::vector<AddressFact>& addresses) {
    std::set<ConnectedNetwork> networks;
    for (const AddressFact& fact : addresses) {
      if (fact.prefix_length < 32 && !fact.secondary && up_.count(fact.ifindex) != 0) {
        networks.insert(network_of(fact));
      }
    }
    return networks.empty() ? Result(std::move(networks)) : unconnected(socket_, std::move(networks));
  }
  static ConnectedNetwork network_of(const AddressFact& fact) {
    return {Prefix::of(fact.address, fact.prefix_length), fact.ifindex};
  }

  Result<void> neighbours() {
    std::set<std::uint32_t> asked;
    for (const Link& link : *links_) {
      // A bridge's port has no neighbours of its own, but for a tunnel of ours, which is no port for long.
      if (scope_.devices.count(link.fact.name) != 0 && (!link.port || bears_our_sign(link.fact))) {
        asked.insert(link.fact.ifindex);
      }
    }
    const auto all = list_neighbours(socket_, 0);
    if (!all) {
      return all.error();
    }
    for (const NeighbourEntry& entry : *all) {
      // Ours may be on a device that nobody asks for any more: a routed port that became a bridge's, or has another
      // name.
      const bool ours = entry.protocol == endpoint_protocol || entry.protocol == secured_endpoint_protocol;
      if (!ours && asked.count(entry.ifindex) == 0) {
        continue;
      }
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
        if (ear || (entry.fixed && !entry.local)) {
          add(FdbEntry{link.fact.name, entry.mac, ear ? std::string() : name_of(entry.ifindex), ear || entry.sticky},
              false);
        }
      }
    }
    return {};
  }

  void add_flags(const Link& port) {
    for (const PortFlagName flag : {PortFlagName::proxy_arp_wifi, PortFlagName::bcast_flood, PortFlagName::learning}) {
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
      const bool ours = entry.protocol == route_protocol;
      const auto first = ours && entry.via == next_hop ? is_first(entry.destination) : Result(true);
      if (!first) {
        return first.error();
      }
      add(Route{entry.destination, entry.via.value_or(Address()), name_of(entry.ifindex), entry.source, entry.mtu,
                *first, entry.only},
          ours);
    }
    return {};
  }

  // Asked of the kernel, for the list of routes may be long.
  Result<bool> is_first(const Prefix& destination) {
    const auto used = look_up_route(socket_, {destination.network(), std::nullopt, 0, 0, true});
    if (!used) {
      return used.error();
    }
    const bool others = *used && (*used)->destination == destination && (*used)->table == RT_TABLE_MAIN &&
                        (*used)->protocol != route_protocol;
    return !others;
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
  std::set<std::uint32_t> up_;                 // ifindexes of devices that were asked for
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
