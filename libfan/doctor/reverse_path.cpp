#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "core/render.h"
#include "doctor/checks.h"
#include "doctor/lines.h"

namespace fan::doctor {
namespace {

constexpr unsigned strict = 1;

// Of `all` and the device the larger counts (Documentation/networking/ip-sysctl.rst).
unsigned effective(const Evidence& evidence, const std::string& device, Findings& findings) {
  unsigned largest = 0;
  for (const std::string& name : {std::string("all"), device}) {
    const std::string path = "/proc/sys/net/ipv4/conf/" + name + "/rp_filter";
    const Result<std::optional<std::string>> text = evidence.source.text(path);
    if (!text) {
      findings.unseen(text.error());
    } else if (*text) {
      largest = std::max(largest, static_cast<unsigned>(std::strtoul((*text)->c_str(), nullptr, 10)));
    }
  }
  return largest;
}

// The network of the device's own address, where that is a part of the underlay only.
std::optional<Prefix> own_part(const Facts& facts, std::uint32_t ifindex, const Prefix& underlay) {
  for (const AddressFact& fact : facts.addresses) {
    if (fact.ifindex == ifindex && underlay.contains(fact.address) && fact.prefix_length > underlay.length() &&
        fact.prefix_length < 31) {
      return Prefix::of(fact.address, fact.prefix_length);
    }
  }
  return std::nullopt;
}

// Half of the underlay that has nothing of `part` in it.
Prefix half_without(const Prefix& underlay, const Prefix& part) {
  const unsigned length = underlay.length() + 1;
  const Prefix lower = Prefix::of(underlay.network(), length);
  return lower.contains(part.network()) ? Prefix::of(underlay.broadcast(), length) : lower;
}

Finding refusal(const Fan& fan, const Prefix& network, const std::optional<std::string>& back) {
  Finding finding;
  finding.subject = fan.device;
  finding.what =
      "reverse path filtering refuses tunnel packets: they come in by this device, and the way back is another";
  finding.evidence = {fmt::format("rp_filter of all and {}: 1, strict", fan.device),
                      back ? fmt::format("the route into {} leads to {}", network.str(), *back)
                           : fmt::format("no route leads into {}", network.str())};
  finding.consequence = "what other hosts send into the tunnel is dropped without a trace";
  finding.fix = sysctl_line("net/ipv4/conf/" + fan.device + "/rp_filter", "2");
  return finding;
}

// A host may have no way to the rest of the underlay by this device, and no need of one: where that has other purposes
// than the fan's, a filter that is strict is as it should be.
Finding refusal_of_the_rest(const Fan& fan, const Prefix& part, const Prefix& rest,
                            const std::optional<std::string>& back) {
  Finding finding = refusal(fan, rest, back);
  finding.severity = Severity::warning;
  finding.what = fmt::format("reverse path filtering refuses tunnel packets from outside {}: the way back there is "
                             "another than this device",
                             part.str());
  finding.consequence = fmt::format("what hosts of {} outside it send into the tunnel is dropped without a trace",
                                    fan.mapping.underlay().str());
  finding.instead = fmt::format("if the fan has hosts there, give them a route by this device: ip route add {} via "
                                "ROUTER dev {}",
                                fan.mapping.underlay().str(), shell_word(fan.device));
  finding.fix.clear();
  return finding;
}

void check_fan(const Evidence& evidence, const Fan& fan, Findings& findings) {
  const LinkFact* link = evidence.facts.link(fan.device);
  if (link == nullptr || effective(evidence, fan.device, findings) != strict) {
    return;
  }
  const Prefix& underlay = fan.mapping.underlay();
  const std::optional<Prefix> part = own_part(evidence.facts, link->ifindex, underlay);
  const Prefix near = part.value_or(underlay);
  const Result<std::optional<std::string>> back = evidence.source.device_into(near, 0);
  if (!back) {
    findings.unseen(back.error());
    return;
  }
  if (!*back) {
    return; // the check `underlay` tells of it
  }
  if (*back != fan.device) {
    findings.add(refusal(fan, near, *back));
    return;
  }
  if (!part) {
    return;
  }
  const Prefix far = half_without(underlay, *part);
  const Result<std::optional<std::string>> back_far = evidence.source.device_into(far, 0);
  if (!back_far) {
    findings.unseen(back_far.error());
  } else if (*back_far != fan.device) {
    findings.add(refusal_of_the_rest(fan, *part, far, *back_far));
  }
}

} // namespace

void check_reverse_path(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    check_fan(evidence, status.fan, findings);
  }
}

} // namespace fan::doctor
