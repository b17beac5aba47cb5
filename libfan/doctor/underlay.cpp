#include <algorithm>

#include <fmt/format.h>

#include "core/object.h"
#include "core/render.h"
#include "doctor/checks.h"

namespace fan::doctor {
namespace {

// The fan's own address on its device; null: it has gone, or is on another one.
const AddressFact* own_address(const Facts& facts, const Fan& fan, const LinkFact& link) {
  const auto at = std::find_if(facts.addresses.begin(), facts.addresses.end(), [&](const AddressFact& fact) {
    return fact.address == fan.host && fact.ifindex == link.ifindex;
  });
  return at == facts.addresses.end() ? nullptr : &*at;
}

// Where the host has neighbours: the network of that address, as far as it is in the underlay.
Prefix neighbourhood(const Fan& fan, const AddressFact* address) {
  const Prefix& underlay = fan.mapping.underlay();
  return address == nullptr || address->prefix_length >= 31 || address->prefix_length <= underlay.length()
             ? underlay
             : Prefix::of(address->address, address->prefix_length);
}

Finding trouble(const Fan& fan, const std::string& what, const std::string& evidence) {
  Finding finding;
  finding.subject = fan.device;
  finding.what = what;
  finding.evidence = {evidence};
  finding.consequence = "nothing leaves the tunnel of this host, nor comes in by it";
  return finding;
}

Finding is_down(const Fan& fan) {
  Finding finding = trouble(fan, "the device by which the fan reaches other hosts is down", fan.device + ": down");
  finding.fix = fmt::format("ip link set dev {} up", shell_word(fan.device));
  return finding;
}

Finding has_no_carrier(const Fan& fan) {
  Finding finding =
      trouble(fan, "the device by which the fan reaches other hosts has no carrier", fan.device + ": NO-CARRIER");
  finding.instead =
      "look at its cable, its switch, or at what it is made of (ip -d link show dev " + shell_word(fan.device) + ")";
  return finding;
}

// The kernel makes a route with each address, and nobody makes it again when it was deleted.
Finding has_no_route(const Fan& fan, const AddressFact* address) {
  Finding finding = trouble(fan, "no route leads into the underlay",
                            fmt::format("{}: no route for tunnel packets", neighbourhood(fan, address).str()));
  if (address != nullptr && address->prefix_length < 31) {
    finding.fix = fmt::format("ip route add {} dev {} proto kernel scope link src {}",
                              Prefix::of(address->address, address->prefix_length).str(), shell_word(fan.device),
                              address->address.str());
  } else {
    finding.instead = fmt::format("give it one: ip route add {} via ROUTER dev {}", fan.mapping.underlay().str(),
                                  shell_word(fan.device));
  }
  return finding;
}

// The check `policy-rule` tells of it.
bool is_misled(const Evidence& evidence, const Fan& fan) {
  const auto rules = evidence.provider.misleading_rules({&fan, 1});
  return rules && std::any_of(rules->front().begin(), rules->front().end(), [](const MisleadingRule& rule) {
           return rule.packets.front().probe.bound == Bound::underlay;
         });
}

void check_way(const Evidence& evidence, const Fan& fan, const LinkFact& link, Findings& findings) {
  if (!link.up) {
    findings.add(is_down(fan));
    return;
  }
  const Result<std::optional<bool>> carrier = evidence.source.carrier(fan.device);
  if (!carrier) {
    findings.unseen(carrier.error());
  } else if (*carrier == false) {
    findings.add(has_no_carrier(fan));
    return;
  }
  const AddressFact* address = own_address(evidence.facts, fan, link);
  const Result<std::optional<std::string>> device =
      evidence.source.device_into(neighbourhood(fan, address), tunnel_mark);
  if (!device) {
    findings.unseen(device.error());
  } else if (!*device && !is_misled(evidence, fan)) {
    findings.add(has_no_route(fan, address));
  }
}

} // namespace

// By which of several devices they leave is no matter here: a host may have them all on one segment.
void check_underlay(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    if (const LinkFact* link = evidence.facts.link(status.fan.device)) {
      check_way(evidence, status.fan, *link, findings);
    }
  }
}

} // namespace fan::doctor
