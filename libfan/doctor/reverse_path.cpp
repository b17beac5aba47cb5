#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

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

void check_fan(const Evidence& evidence, const Fan& fan, Findings& findings) {
  if (evidence.facts.link(fan.device) == nullptr || effective(evidence, fan.device, findings) != strict) {
    return;
  }
  const Result<std::optional<std::string>> back = evidence.source.device_into(fan.mapping.underlay());
  if (!back) {
    findings.unseen(back.error());
    return;
  }
  if (*back == fan.device) {
    return;
  }
  Finding finding;
  finding.subject = fan.device;
  finding.what =
      "reverse path filtering refuses tunnel packets: they come in by this device, and the way back is another";
  finding.evidence = {fmt::format("rp_filter of all and {}: 1, strict", fan.device),
                      *back ? fmt::format("the route into {} leads to {}", fan.mapping.underlay().str(), **back)
                            : fmt::format("no route leads into {}", fan.mapping.underlay().str())};
  finding.consequence = "what other hosts send into the tunnel is dropped without a trace";
  finding.fix = sysctl_line("net/ipv4/conf/" + fan.device + "/rp_filter", "2");
  findings.add(std::move(finding));
}

} // namespace

void check_reverse_path(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    check_fan(evidence, status.fan, findings);
  }
}

} // namespace fan::doctor
