#include "core/validate_endpoint.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/names.h"
#include "core/object.h"
#include "core/ruleset.h"

namespace fan {
namespace {

Result<void> check_address(Address address, const Fan& fan) {
  const Prefix slice = fan.slice();
  if (!slice.contains(address)) {
    return usage_error(fmt::format("{} is not in the slice {} of {}", address.str(), slice.str(), fan.bridge));
  }
  const std::uint32_t number = address.v4() - slice.network().v4();
  if (number == 0 || address == slice.broadcast()) {
    return usage_error(address.str() + " is the network or broadcast address of the slice");
  }
  if (number <= fan.spec.host_reserve) {
    return usage_error(
        fmt::format("{} is {}", address.str(), number == 1 ? "the gateway" : "the host's own (host-reserve)"),
        fmt::format("the first address of an endpoint is {}", slice.at(fan.spec.host_reserve + 1).str()));
  }
  return {};
}

Result<void> check_bridge_port(const std::string& port, const Fan& fan, const Facts& facts) {
  const LinkFact* link = facts.link(port);
  if (link == nullptr) {
    return host_error("there is no device " + quoted(port), "name the host's end of the container's device");
  }
  const LinkFact* bridge = facts.link(fan.bridge);
  if (bridge != nullptr && link->master == bridge->ifindex) {
    return {};
  }
  const LinkFact* master = link->master != 0 ? facts.link(link->master) : nullptr;
  return host_error(port + (master != nullptr ? " is a port of " + master->name : " is no port of a bridge"),
                    "attach it first: ip link set dev " + port + " master " + fan.bridge +
                        "; or let it be routed (--routed), as a bridge takes 1,023 ports");
}

Result<void> check_routed_port(const std::string& port, const Facts& facts) {
  const LinkFact* link = facts.link(port);
  if (link == nullptr) {
    return host_error("there is no device " + quoted(port), "name the host's end of the container's device");
  }
  if (link->master != 0) {
    const LinkFact* master = facts.link(link->master);
    return host_error(port + " is a port of " + (master != nullptr ? master->name : "another device"),
                      "name it without --routed, or detach it first: ip link set dev " + port + " nomaster");
  }
  if (!link->up) {
    return host_error(port + " is down: there are no routes by it", "ip link set dev " + port + " up");
  }
  const bool has_address = std::any_of(facts.addresses.begin(), facts.addresses.end(),
                                       [&](const AddressFact& address) { return address.ifindex == link->ifindex; });
  if (has_address || port == facts.default_device || link->kind == "bridge" || link->group == link_group) {
    return host_error(port + " is a device that the host speaks by itself: no container is behind it",
                      "name the host's end of the container's device");
  }
  return {};
}

} // namespace

Result<void> check_mac(const Mac& mac) {
  if ((mac.bytes[0] & 1U) != 0) {
    return usage_error(mac.str() + " is a multicast address", "name the container's own MAC address");
  }
  if (mac == Mac{}) {
    return usage_error("a MAC address of zeros is nobody's");
  }
  if (mac == own_ear_mac || mac == next_hop_mac) {
    return usage_error(mac.str() + " is used by fanctl itself");
  }
  return {};
}

Result<void> check_port(const std::string& port, const Fan& fan, const Facts& facts, bool routed) {
  return routed ? check_routed_port(port, facts) : check_bridge_port(port, fan, facts);
}

Result<void> check_endpoint(const Registration& endpoint, const Fan& fan, const Facts& facts, bool routed) {
  if (auto good = check_address(endpoint.address, fan); !good) {
    return good;
  }
  if (auto good = check_mac(endpoint.mac); !good) {
    return good;
  }
  return check_port(endpoint.port, fan, facts, routed);
}

} // namespace fan
