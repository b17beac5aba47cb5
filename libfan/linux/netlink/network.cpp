#include "linux/netlink/network.h"

#include <cerrno>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/addresses.h"
#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/look.h"
#include "linux/netlink/policy_rules.h"
#include "linux/netlink/route_lookup.h"
#include "linux/netlink/routes.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {
namespace {

constexpr std::chrono::seconds longest_look{1};

std::vector<LinkFact> facts_of(const std::vector<Link>& links) {
  std::vector<LinkFact> facts;
  std::transform(links.begin(), links.end(), std::back_inserter(facts), [](const Link& link) { return link.fact; });
  return facts;
}

} // namespace

bool is_network_object(const Object& object) {
  return std::holds_alternative<Tunnel>(object) || std::holds_alternative<Bridge>(object) ||
         std::holds_alternative<InterfaceAddress>(object) || std::holds_alternative<LinkUp>(object) ||
         std::holds_alternative<Querier>(object) || std::holds_alternative<Neighbour>(object) ||
         std::holds_alternative<Route>(object) || is_port_object(object);
}

Network::Network() = default;
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

Look& Network::look(std::unique_ptr<Look>& own) {
  if (look_ && std::chrono::steady_clock::now() - begun_ > longest_look) {
    end_look();
  }
  if (look_) {
    return *look_;
  }
  own = std::make_unique<Look>();
  return *own;
}

void Network::end_look() {
  look_.reset();
  last_look_.reset();
}

std::unique_ptr<Look> Network::take_last_look() {
  std::unique_ptr<Look> last = std::move(last_look_);
  const bool old = std::chrono::steady_clock::now() - begun_ > longest_look;
  end_look();
  return last && !old ? std::move(last) : std::make_unique<Look>();
}

Result<Facts> Network::facts() {
  end_look();
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  auto links = list_links(*socket);
  if (!links) {
    return std::move(links).error();
  }
  auto addresses = list_addresses(*socket);
  if (!addresses) {
    return std::move(addresses).error();
  }
  const auto to_world = default_route(*socket);
  if (!to_world) {
    return to_world.error();
  }
  Facts facts;
  facts.links = facts_of(*links);
  facts.addresses = std::move(*addresses);
  if (*to_world) {
    facts.default_device = name_of(*links, (*to_world)->ifindex);
    for (const std::uint32_t hop : (*to_world)->other_hops) {
      facts.other_hops.push_back(name_of(*links, hop));
    }
  }
  facts.ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
  begun_ = std::chrono::steady_clock::now();
  look_ = std::make_unique<Look>(std::move(*links));
  return facts;
}

Result<std::vector<LinkFact>> Network::observed_links() {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  Look own;
  const auto links = (last_look_ ? *last_look_ : own).links(*socket);
  return links ? Result(facts_of(**links)) : links.error();
}

Result<std::vector<LinkFact>> Network::links() {
  auto socket = Socket::open();
  const auto links = socket ? list_links(*socket) : Result<std::vector<Link>>(socket.error());
  return links ? Result(facts_of(*links)) : links.error();
}

Result<std::vector<LinkCounters>> Network::counters() {
  auto socket = Socket::open();
  return socket ? list_counters(*socket) : std::move(socket).error();
}

Result<std::uint32_t> Network::path_mtu(const Prefix& underlay, Address source, const std::string& device) {
  auto socket = Socket::open();
  std::unique_ptr<Look> own;
  return socket ? netlink::path_mtu(*socket, look(own), underlay, source, device) : std::move(socket).error();
}

Result<std::optional<Address>> Network::preferred_source(const Prefix& underlay, const std::string& device) {
  auto socket = Socket::open();
  std::unique_ptr<Look> own;
  return socket ? netlink::preferred_source(*socket, look(own), underlay, device) : std::move(socket).error();
}

Result<std::vector<std::vector<MisleadingRule>>> Network::misleading_rules(std::span<const Fan> fans) {
  auto socket = Socket::open();
  return socket ? netlink::misleading_rules(*socket, fans) : std::move(socket).error();
}

Result<std::optional<std::string>> Network::overlapping_route(const Prefix& overlay) {
  auto socket = Socket::open();
  if (!socket) {
    return std::move(socket).error();
  }
  const auto links = list_links(*socket);
  if (!links) {
    return links.error();
  }
  std::set<std::uint32_t> ours;
  for (const Link& link : *links) {
    if (bears_our_sign(link.fact)) {
      ours.insert(link.fact.ifindex);
    }
  }
  const auto found = find_overlapping(*socket, overlay, ours);
  if (!found) {
    return found.error();
  }
  return *found ? std::optional(text_of(**found, *links)) : std::optional<std::string>();
}

} // namespace fan::netlink
