#include "core/validate_tunnels.h"

#include <fmt/format.h>

#include "core/errors.h"
#include "core/names.h"

namespace fan {

namespace {

Result<void> check_tunnel_name(const Fan& fan, const Facts& facts, Encapsulation e) {
  const std::string name = tunnel_name(e, fan.port());
  const LinkFact* link = facts.link(name);
  if (link == nullptr || is_ours(*link))
    return {};
  const std::string remedy = "rename or remove it: the tunnel device needs this name";
  if (link->external && link->kind == name_of(e)) { // as a fan makes it, but for the sign
    return host_error(
        fmt::format("device {} is there already, and lacks the link group or MAC address of a fan's", quoted(name)),
        fmt::format("if it is the fan's, give them back: {}; else {}",
                    sign_command(name, e == Encapsulation::vxlan ? tunnel_mac(fan.host) : Mac{}), remedy));
  }
  return host_error(fmt::format("device {} is there already, and no fan made it", quoted(name)), remedy);
}

// Why a foreign ipip device cannot stand beside ours; "" when it can.
std::string ipip_conflict(const LinkFact& link, Address host) {
  if (link.external)
    return "it is an external ipip device, and the kernel allows one in a network namespace";
  if (link.local == host)
    return fmt::format("it takes ipip packets for {} out of the fan's sight, unchecked", host.str());
  if (link.up && link.local == Address())
    return "it is in use, and the fan's tunnel would take its packets";
  return "";
}

Result<void> check_ipip_devices(const Fan& fan, const Facts& facts) {
  for (const LinkFact& link : facts.links) {
    if (link.kind != "ipip" || is_ours(link))
      continue;
    if (const std::string why = ipip_conflict(link, fan.host); !why.empty())
      return host_error(
          fmt::format("device {} is in the way: {}", quoted(link.name), why),
          fmt::format("{} it if nothing uses it, or {}",
                      link.up && !link.external && link.local == Address() ? "set down" : "remove",
                      fan.spec.encapsulation == Encapsulation::ipip ? "use 'type vxlan'" : "leave 'accept ipip' out"));
  }
  return {};
}

Result<void> check_vxlan_devices(const Fan& fan, const Facts& facts) {
  for (const LinkFact& link : facts.links)
    if (link.kind == "vxlan" && link.port == fan.port() && !is_ours(link))
      return host_error(fmt::format("UDP port {} is taken by the vxlan device {}", link.port, quoted(link.name)),
                        "choose another with 'port N', the same on every host of the fan");
  return {};
}

} // namespace

Result<void> validate_tunnels(const Fan& fan, const Facts& facts) {
  for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan}) {
    if (!fan.accepts(e))
      continue;
    if (auto valid = check_tunnel_name(fan, facts, e); !valid)
      return valid;
    if (auto valid = e == Encapsulation::ipip ? check_ipip_devices(fan, facts) : check_vxlan_devices(fan, facts);
        !valid)
      return valid;
  }
  return {};
}

} // namespace fan
