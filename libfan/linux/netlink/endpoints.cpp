// Who is behind which port of a bridge: the neighbours that the kernel has resolved on the bridge, and the bridge's own
// table of who sends from where.
#include <sys/socket.h>

#include <algorithm>
#include <map>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/fdb.h"
#include "linux/netlink/link.h"
#include "linux/netlink/look.h"
#include "linux/netlink/neighbours.h"
#include "linux/netlink/network.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {
namespace {

// `filter`: NDA_IFINDEX or NDA_MASTER, by which a kernel since 4.20 filters; an older one gives everything.
Result<std::vector<ResolvedNeighbour>> list_resolved(Socket& socket, unsigned char family, unsigned filter,
                                                     std::uint32_t ifindex) {
  Message message(RTM_GETNEIGH, NLM_F_DUMP);
  ndmsg header{};
  header.ndm_family = family;
  message.header(header).u32(filter, ifindex);
  return collect<ResolvedNeighbour>(socket, message,
                                    [family](const nlmsghdr& one) { return parse_resolved(one, family); });
}

struct BridgePorts {
  std::uint32_t bridge = 0;
  std::map<std::uint32_t, std::string> names; // by ifindex
};

BridgePorts ports_of(const std::vector<Link>& links, const std::string& bridge) {
  BridgePorts ports;
  for (const Link& link : links) {
    ports.bridge = link.fact.name == bridge ? link.fact.ifindex : ports.bridge;
  }
  for (const Link& link : links) {
    if (ports.bridge != 0 && link.fact.master == ports.bridge) {
      ports.names.emplace(link.fact.ifindex, link.fact.name);
    }
  }
  return ports;
}

// A kernel that does not filter has given the neighbours and tables of other devices as well.
std::vector<Endpoint> join(const std::vector<ResolvedNeighbour>& neighbours,
                           const std::vector<ResolvedNeighbour>& table, const BridgePorts& ports) {
  std::map<Mac, std::string> behind;
  for (const ResolvedNeighbour& entry : table) {
    if (const auto port = ports.names.find(entry.ifindex); port != ports.names.end()) {
      behind.emplace(entry.mac, port->second);
    }
  }
  std::vector<Endpoint> found;
  for (const ResolvedNeighbour& neighbour : neighbours) {
    if (neighbour.ifindex == ports.bridge) {
      const auto port = behind.find(neighbour.mac);
      found.push_back({neighbour.address, port == behind.end() ? "" : port->second});
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace

Result<std::vector<Endpoint>> Network::endpoints(const std::string& bridge) {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  const auto links = list_links(*socket);
  if (!links) {
    return links.error();
  }
  const BridgePorts ports = ports_of(*links, bridge);
  if (ports.names.empty()) {
    return std::vector<Endpoint>{};
  }
  auto neighbours = list_resolved(*socket, AF_INET, NDA_IFINDEX, ports.bridge);
  if (!neighbours) {
    return std::move(neighbours).error().within("list the neighbours on " + bridge);
  }
  auto table = list_resolved(*socket, AF_BRIDGE, NDA_MASTER, ports.bridge);
  if (!table) {
    return std::move(table).error().within("list who is behind which port of " + bridge);
  }
  return join(*neighbours, *table, ports);
}

namespace {

KnownMac known(const FdbRecord& record, const BridgePorts& ports) {
  const auto port = ports.names.find(record.ifindex);
  KnownMac mac;
  mac.mac = record.mac;
  mac.port = port == ports.names.end() ? std::string() : port->second;
  mac.fixed = record.fixed && !record.local;
  mac.own = record.local;
  return mac;
}

std::string name_of(const std::vector<LinkFact>& links, std::uint32_t ifindex) {
  const auto found =
      std::find_if(links.begin(), links.end(), [ifindex](const LinkFact& link) { return link.ifindex == ifindex; });
  return found == links.end() ? std::string() : found->name;
}

// A neighbour of ours is an endpoint where the bridge's table says with a sticky entry behind which port it is.
void remember(Registry& registry, const std::vector<NeighbourEntry>& neighbours, const std::vector<FdbRecord>& table,
              const std::vector<LinkFact>& links) {
  std::map<Mac, std::string> behind;
  for (const FdbRecord& record : table) {
    if (record.sticky) {
      behind.emplace(record.mac, name_of(links, record.ifindex));
    }
  }
  for (const NeighbourEntry& neighbour : neighbours) {
    const auto port = behind.find(neighbour.mac);
    if (port == behind.end() || port->second.empty()) {
      continue;
    }
    registry.endpoints.emplace(neighbour.address, Registration{neighbour.address, port->second, neighbour.mac});
    if (neighbour.protocol == secured_endpoint_protocol) {
      registry.secured.try_emplace(port->second);
    }
  }
}

// Of devices that are no port of a bridge a neighbour of ours says enough. Whether one forwarded before is no longer
// known; then it stays so.
void remember_routed(Registry& registry, const std::vector<NeighbourEntry>& neighbours,
                     const std::vector<LinkFact>& links) {
  for (const NeighbourEntry& neighbour : neighbours) {
    if (neighbour.protocol != endpoint_protocol) {
      continue;
    }
    const auto link =
        std::find_if(links.begin(), links.end(), [&](const LinkFact& one) { return one.ifindex == neighbour.ifindex; });
    if (link != links.end() && link->kind != "bridge" && link->master == 0) {
      registry.endpoints.emplace(neighbour.address, Registration{neighbour.address, link->name, neighbour.mac});
      registry.routed.try_emplace(link->name, true);
    }
  }
}

} // namespace

Result<std::vector<KnownMac>> Network::known_macs(const std::string& bridge) {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  std::unique_ptr<Look> own;
  Look& seen = look(own);
  const auto links = seen.links(*socket);
  if (!links) {
    return links.error();
  }
  const BridgePorts ports = ports_of(**links, bridge);
  std::vector<KnownMac> all;
  if (ports.bridge == 0) {
    return all;
  }
  const auto table = seen.table(*socket, ports.bridge);
  if (!table) {
    return table.error();
  }
  for (const FdbRecord& record : **table) {
    if (!record.sticky) { // those are ours
      all.push_back(known(record, ports));
    }
  }
  return all;
}

Result<Registry> Network::remembered(const std::vector<LinkFact>& links) {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  const auto all = list_neighbours(*socket, 0);
  if (!all) {
    return all.error();
  }
  std::map<std::uint32_t, std::vector<NeighbourEntry>> by_device;
  for (const NeighbourEntry& entry : *all) {
    if (entry.protocol == endpoint_protocol || entry.protocol == secured_endpoint_protocol) {
      by_device[entry.ifindex].push_back(entry);
    }
  }
  std::unique_ptr<Look> own;
  Look& seen = look(own);
  Registry registry;
  for (const LinkFact& link : links) {
    const auto neighbours = by_device.find(link.ifindex);
    if (neighbours == by_device.end() || link.kind != "bridge" || !bears_our_sign(link)) {
      continue;
    }
    const auto table = seen.table(*socket, link.ifindex);
    if (!table) {
      return table.error();
    }
    remember(registry, neighbours->second, **table, links);
  }
  for (const auto& [ifindex, neighbours] : by_device) {
    remember_routed(registry, neighbours, links);
  }
  return registry;
}

} // namespace fan::netlink
