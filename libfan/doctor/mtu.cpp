#include "core/mtu.h"

#include <fmt/format.h>

#include "doctor/checks.h"
#include "doctor/lines.h"

namespace fan::doctor {
namespace {

// The path into the underlay became smaller after the fan came up.
void check_path(const Evidence& evidence, const Fan& fan, Findings& findings) {
  const Result<std::uint32_t> path = evidence.provider.path_mtu(fan.mapping.underlay(), fan.host, fan.device);
  if (!path) {
    findings.unseen(path.error());
    return;
  }
  FanSpec smaller = fan.spec;
  smaller.mtu.reset();
  const Result<std::uint32_t> fits = fan_mtu(smaller, *path);
  if (fits && *fits >= fan.mtu) {
    return;
  }
  Finding finding;
  finding.subject = fan.bridge;
  finding.what =
      fmt::format("the underlay takes packets of {} bytes, and the fan's MTU of {} needs more", *path, fan.mtu);
  finding.evidence = {
      fmt::format("MTU of the path into {} by {}: {}", fan.mapping.underlay().str(), fan.device, *path)};
  finding.consequence = "large packets are lost, or come in fragments; small ones pass";
  if (fits) {
    if (fan.spec.mtu) {
      smaller.mtu = *fits;
    }
    finding.fix = up_line(smaller);
  } else {
    finding.instead = fits.error().hint;
  }
  findings.add(std::move(finding));
}

void check_port(const Fan& fan, const LinkFact& port, Findings& findings) {
  if (port.mtu >= fan.mtu) {
    return;
  }
  Finding finding;
  finding.subject = port.name;
  finding.what = fmt::format("this port of {} takes {} bytes, and the fan has {}", fan.bridge, port.mtu, fan.mtu);
  finding.evidence = {fmt::format("{} mtu {}, {} mtu {}", port.name, port.mtu, fan.bridge, fan.mtu)};
  finding.consequence =
      "a bridge drops what is too large for a port, and tells nobody: large packets to what is behind "
      "it are lost";
  finding.fix = mtu_line(port.name, fan.mtu);
  findings.add(std::move(finding));
}

} // namespace

// The MTU of bridge, tunnel and route are the fan's own objects: `drift` tells of them.
void check_mtu(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    check_path(evidence, status.fan, findings);
    for (const std::string& name : status.ports) {
      if (const LinkFact* port = evidence.facts.link(name)) {
        check_port(status.fan, *port, findings);
      }
    }
  }
}

} // namespace fan::doctor
