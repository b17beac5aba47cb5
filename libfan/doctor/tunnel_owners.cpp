#include <fmt/format.h>

#include "core/names.h"
#include "core/render.h"
#include "doctor/checks.h"

namespace fan::doctor {
namespace {

// What it does to the fan; "" when it does nothing.
std::string harm_of(const LinkFact& link, const Fan& fan) {
  if (link.kind == "vxlan" && fan.accepts(Encapsulation::vxlan) && link.port == fan.port()) {
    return fmt::format("only one of the two can be up on UDP port {}", fan.port());
  }
  if (link.kind != "ipip" || !fan.accepts(Encapsulation::ipip)) {
    return {};
  }
  if (link.external) {
    return "a network namespace has one external ipip device, so the fan's cannot be made";
  }
  if (link.local == fan.host) {
    return "it takes packets of protocol 4 for this host past the fan's checks";
  }
  // Every namespace has tunl0 once the module is loaded; while it is down it takes nothing.
  return link.name == "tunl0" && link.up ? "the fan's device takes the packets that it was to get" : "";
}

std::string evidence_of(const LinkFact& link) {
  return fmt::format("{}: {}{}{}, {}", link.name, link.kind, link.external ? " external" : "",
                     link.kind == "vxlan" ? fmt::format(" dstport {}", link.port) : " local " + link.local.str(),
                     link.up ? "up" : "down");
}

// tunl0 comes with the module and cannot be deleted.
std::string line_of(const LinkFact& link) {
  return link.name == "tunl0" ? "ip link set dev tunl0 down" : "ip link del dev " + shell_word(link.name);
}

} // namespace

void check_tunnel_owners(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    for (const LinkFact& link : evidence.facts.links) {
      const std::string harm = is_ours(link) ? "" : harm_of(link, status.fan);
      if (harm.empty()) {
        continue;
      }
      Finding finding;
      finding.severity = link.up ? Severity::problem : Severity::warning;
      finding.subject = link.name;
      finding.what = "a tunnel device of somebody else stands where the fan's has to be";
      finding.evidence = {evidence_of(link)};
      finding.consequence = harm + "; whoever made it loses it by this line (vxlan: or give the fan another --port on "
                                   "all of its hosts)";
      finding.fix = line_of(link);
      findings.add(std::move(finding));
    }
  }
}

} // namespace fan::doctor
