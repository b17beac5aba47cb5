#include <algorithm>

#include <fmt/format.h>

#include "core/render.h"
#include "doctor/checks.h"
#include "doctor/lines.h"

namespace fan::doctor {
namespace {

void add_lost(const Fan& fan, Findings& findings) {
  Finding finding;
  finding.subject = fan.bridge;
  finding.what = fmt::format("the fan's underlay address {} is not on this host any more", fan.host.str());
  finding.evidence = {fmt::format("it was on {} when the fan came up", fan.device)};
  finding.consequence = "nothing reaches the slice " + fan.slice().str() + " from other hosts, nor the other way round";
  finding.instead =
      fmt::format("give {} its address back, or move the fan to the new one: {}", fan.device, up_line(fan.spec));
  findings.add(std::move(finding));
}

void add_deprecated(const Fan& fan, const AddressFact& fact, Findings& findings) {
  Finding finding;
  finding.severity = Severity::warning;
  finding.subject = fan.device;
  finding.what = fmt::format("the fan's underlay address {} is deprecated", fan.host.str());
  finding.evidence = {fmt::format("{}/{} on {}, deprecated", fact.address.str(), fact.prefix_length, fan.device)};
  finding.consequence = "it is about to go, and the slice with it; another `up` takes another address if there is one";
  finding.fix = fmt::format("ip address change {}/{} dev {} valid_lft forever preferred_lft forever",
                            fact.address.str(), fact.prefix_length, shell_word(fan.device));
  findings.add(std::move(finding));
}

void add_secondary(const Evidence& evidence, const Fan& fan, const AddressFact& fact, Findings& findings) {
  const std::string key = "net/ipv4/conf/" + fan.device + "/promote_secondaries";
  for (const std::string& path : {"/proc/sys/" + key, std::string("/proc/sys/net/ipv4/conf/all/promote_secondaries")}) {
    const Result<std::optional<std::string>> promoted = evidence.source.text(path);
    if (promoted && *promoted && (*promoted)->starts_with("1")) {
      return;
    }
  }
  Finding finding;
  finding.severity = Severity::warning;
  finding.subject = fan.device;
  finding.what = fmt::format("the fan's underlay address {} is a secondary one", fan.host.str());
  finding.evidence = {fmt::format("{}/{} on {}, secondary", fact.address.str(), fact.prefix_length, fan.device),
                      key + " = 0"};
  finding.consequence = "when the primary address of its network goes, the kernel takes this one with it";
  finding.fix = sysctl_line(key, "1");
  findings.add(std::move(finding));
}

void check_lifetime(const Evidence& evidence, const Fan& fan, const AddressFact& fact, Findings& findings) {
  const Result<std::vector<AddressLifetime>> all = evidence.source.lifetimes();
  if (!all) {
    findings.unseen(all.error());
    return;
  }
  const auto one = std::find_if(all->begin(), all->end(), [&](const AddressLifetime& l) {
    return l.address == fact.address && l.ifindex == fact.ifindex;
  });
  if (one == all->end() || !one->valid_s) {
    return;
  }
  Finding finding;
  finding.severity = Severity::note;
  finding.subject = fan.device;
  finding.what = fmt::format("the fan's underlay address {} is lent", fan.host.str());
  finding.evidence = {fmt::format("{} on {}, valid for {} s more", fan.host.str(), fan.device, *one->valid_s)};
  finding.consequence = "when the host gets another address, the slice moves with it";
  finding.instead = "keep the address for this host where it comes from: a reservation of the DHCP server";
  findings.add(std::move(finding));
}

} // namespace

void check_address(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    const Fan& fan = status.fan;
    const auto& addresses = evidence.facts.addresses;
    const auto fact = std::find_if(addresses.begin(), addresses.end(),
                                   [&](const AddressFact& one) { return one.address == fan.host; });
    if (fact == addresses.end()) {
      add_lost(fan, findings);
    } else if (fact->deprecated) {
      add_deprecated(fan, *fact, findings);
    } else {
      if (fact->secondary) {
        add_secondary(evidence, fan, *fact, findings);
      }
      check_lifetime(evidence, fan, *fact, findings);
    }
  }
}

} // namespace fan::doctor
