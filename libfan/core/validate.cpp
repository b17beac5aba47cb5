#include "core/validate.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/mtu.h"
#include "core/names.h"
#include "core/object.h"
#include "core/record.h"
#include "core/resolve.h"
#include "core/validate_pools.h"
#include "core/validate_tunnels.h"

namespace fan {

namespace {

using Valid = Result<void>;

struct Question {
  const Fan& fan;
  const std::vector<Fan>& others; // earlier states of `fan` among them
  const Facts& facts;
};

// --- the fan by itself

Valid check_host_part(const Question& q) {
  if (q.fan.mapping.usable_host(q.fan.host))
    return {};
  return host_error(
      fmt::format("{} has a host part of all zeros or all ones in the underlay {}, so it names a network, not a host",
                  q.fan.host.str(), q.fan.mapping.underlay().str()),
      "use another address, or another prefix length for the underlay");
}

Valid check_reserve(const Question& q) {
  const Prefix slice = q.fan.slice();
  const std::uint32_t usable = ~Prefix::mask_bits(slice.length()) - 1; // without network and broadcast address
  if (q.fan.spec.host_reserve >= 1 && q.fan.spec.host_reserve < usable)
    return {};
  return usage_error(fmt::format("host-reserve {} leaves no address for {} in the slice {}, which has {}",
                                 q.fan.spec.host_reserve, q.fan.spec.dhcp ? "DHCP to give away" : "an endpoint",
                                 slice.str(), usable),
                     fmt::format("use a host-reserve from 1 to {}", usable - 1));
}

// The host would have an address that it answers for with somebody else's MAC.
Valid check_reserve_is_free(const Question& q) {
  const Prefix slice = q.fan.slice();
  for (const auto& [address, endpoint] : q.facts.registry.endpoints)
    if (slice.contains(address) && address.v4() - slice.network().v4() <= q.fan.spec.host_reserve)
      return host_error(fmt::format("host-reserve {} covers {}, which is registered as the endpoint of port {}",
                                    q.fan.spec.host_reserve, address.str(), endpoint.port),
                        fmt::format("fanctl endpoint del --address {}, or a smaller host-reserve", address.str()));
  return {};
}

// What only a bridge can have means nothing to a host that only speaks.
Valid check_reach(const Question& q) {
  const FanSpec& spec = q.fan.spec;
  const char* useless = spec.dhcp                                 ? "dhcp"
                        : spec.bridge                             ? "bridge"
                        : spec.host_reserve != 1                  ? "host-reserve"
                        : spec.expose_all || !spec.expose.empty() ? "expose"
                        : !spec.pools.empty()                     ? "pool"
                        : spec.snooping                           ? "snooping"
                        : spec.proxy_arp                          ? "proxy-arp"
                        : spec.secure                             ? "secure"
                        : spec.shortcut                           ? "shortcut"
                                                                  : nullptr;
  if (!spec.reach || useless == nullptr)
    return {};
  return usage_error(
      fmt::format("{} and reach exclude each other: a host that only reaches a fan has no bridge", useless),
      fmt::format("leave out either reach or {}", useless));
}

Valid check_exposed(const Question& q) {
  // An underlay given as a network makes a fan of each address in it; one list serves them all.
  const bool many = q.fan.spec.underlay.kind == UnderlayRef::Kind::network;
  const Prefix within = many ? q.fan.mapping.overlay() : q.fan.slice();
  for (const Prefix& exposed : q.fan.spec.expose)
    if (!within.contains(exposed))
      return usage_error(fmt::format("expose {}: it is not inside {} {}", exposed.str(),
                                     many ? "the overlay" : "this host's slice", within.str()),
                         "expose a part of " + within.str() + ", or 'all'");
  return {};
}

Valid check_pools(const Question& q) {
  return validate_pools(q.fan);
}

// Many options are allowed, and all of them at once may be too many.
Valid check_record(const Question& q) {
  const std::size_t size = record_of(q.fan).size();
  if (size <= record_max)
    return {};
  return usage_error(fmt::format("this fan's options have {} bytes as words, and a record holds {}", size, record_max),
                     "expose fewer networks, or use fewer pools or shorter names");
}

Valid check_mtu(const Question& q) {
  if (q.fan.mtu >= least_mtu && q.fan.mtu <= most_mtu)
    return {};
  return usage_error(fmt::format("an MTU of {} is not from {} to {}", q.fan.mtu, least_mtu, most_mtu));
}

Valid check_bridge_name(const Question& q) {
  if (auto valid = validate_device_name(q.fan.bridge); !valid)
    return std::move(valid).error().within("bridge");
  for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan})
    if (q.fan.bridge == tunnel_name(e, q.fan.port()))
      return usage_error(quoted(q.fan.bridge) + " is kept for a tunnel device", "choose another name for the bridge");
  return {};
}

// --- against the other fans

Valid check_other_overlay(const Fan& fan, const Fan& other) {
  const auto meets = [&](const char* mine, const Prefix& a, const char* theirs, const Prefix& b) {
    return usage_error(
        fmt::format("the {} {} overlaps the {} {} of the fan on {}", mine, a.str(), theirs, b.str(), other.bridge),
        fmt::format("choose another {}, or take that fan down first: fanctl down {} {}", mine, other.spec.overlay_text,
                    other.spec.underlay_text));
  };
  const Mapping& a = fan.mapping;
  const Mapping& b = other.mapping;
  if (a != b && a.overlay().overlaps(b.overlay()))
    return meets("overlay", a.overlay(), "overlay", b.overlay());
  if (a.overlay().overlaps(b.underlay()))
    return meets("overlay", a.overlay(), "underlay", b.underlay());
  if (a.underlay().overlaps(b.overlay()))
    return meets("underlay", a.underlay(), "overlay", b.overlay());
  return {};
}

// One row of the program's map says for a whole mapping how it is sent.
Valid check_shared_mapping(const Fan& fan, const Fan& other) {
  if (fan.mapping != other.mapping)
    return {};
  const auto differs = [&](const char* what, const std::string& mine, const std::string& theirs) {
    return usage_error(
        fmt::format("{} {} differs from {} of the fan on {}, which has the same overlay and underlay", what, mine,
                    theirs, other.bridge),
        fmt::format("give both the same {}: `up` with the underlay as a network changes all of its fans at once",
                    what));
  };
  if (fan.spec.encapsulation != other.spec.encapsulation)
    return differs("type", std::string(name_of(fan.spec.encapsulation)),
                   std::string(name_of(other.spec.encapsulation)));
  if (fan.vni() != other.vni())
    return differs("vni", std::to_string(fan.vni()), std::to_string(other.vni()));
  if (fan.port() != other.port())
    return differs("port", std::to_string(fan.port()), std::to_string(other.port()));
  return {};
}

Valid check_others(const Question& q) {
  for (const Fan& other : q.others) {
    if (is_same_fan(q.fan, other))
      continue;
    if (auto valid = check_other_overlay(q.fan, other); !valid)
      return valid;
    if (auto valid = check_shared_mapping(q.fan, other); !valid)
      return valid;
    if (q.fan.bridge == other.bridge)
      return usage_error(fmt::format("bridge {} is taken by the fan {} {}", quoted(q.fan.bridge),
                                     other.mapping.overlay().str(), other.host.str()),
                         "choose another name with 'bridge NAME'");
  }
  return {};
}

// --- against this host

// The alias is a fan's record still.
Valid check_lost_sign(const Question& q) {
  const LinkFact* link = q.facts.link(q.fan.bridge);
  if (link == nullptr || is_ours(*link) || link->kind != "bridge" || !is_record(link->alias))
    return {};
  return host_error(fmt::format("{} is a fan's bridge by its alias, and has lost its link group or MAC address",
                                quoted(q.fan.bridge)),
                    "if it is the fan's, give them back: " + sign_command(q.fan.bridge, bridge_mac(q.fan.slice())));
}

Valid check_local_networks(const Question& q) {
  for (const AddressFact& a : q.facts.addresses) {
    const LinkFact* link = q.facts.link(a.ifindex);
    const Prefix network = Prefix::of(a.address, a.prefix_length);
    const bool reaches = a.host_scope && a.prefix_length == 32; // what a fan that is only reached speaks from
    if ((link != nullptr && is_ours(*link)) || reaches || !q.fan.mapping.overlay().overlaps(network))
      continue;
    return host_error(fmt::format("the overlay {} overlaps {}, the network of {} on device {}",
                                  q.fan.mapping.overlay().str(), network.str(), a.address.str(),
                                  link == nullptr ? "?" : quoted(link->name)),
                      "choose another overlay, or move that device to another network");
  }
  return {};
}

Valid check_foreign_bridge(const Question& q) {
  if (q.fan.spec.reach)
    return {};
  const LinkFact* link = q.facts.link(q.fan.bridge);
  if (link == nullptr || (is_ours(*link) && link->kind == "bridge"))
    return {};
  return host_error(fmt::format("device {} is there already, and no fan made it", quoted(q.fan.bridge)),
                    "choose another name with 'bridge NAME', or remove that device");
}

Valid check_underlay_device(const Question& q) {
  const LinkFact* link = q.facts.link(q.fan.device);
  if (link == nullptr || !is_ours(*link))
    return {};
  return host_error(
      fmt::format("{} is an address of {}, which belongs to a fan", q.fan.host.str(), quoted(q.fan.device)),
      "build the fan on an address of the underlay");
}

Valid check_tunnels(const Question& q) {
  return validate_tunnels(q.fan, q.facts);
}

} // namespace

Result<void> validate(const Fan& fan, const std::vector<Fan>& others, const Facts& facts) {
  const Question question{fan, others, facts};
  for (const auto check : {check_host_part, check_reach, check_reserve, check_exposed, check_pools, check_mtu,
                           check_bridge_name, check_record, check_others, check_reserve_is_free, check_lost_sign,
                           check_local_networks, check_underlay_device, check_foreign_bridge, check_tunnels})
    if (auto valid = check(question); !valid)
      return valid;
  return {};
}

} // namespace fan
