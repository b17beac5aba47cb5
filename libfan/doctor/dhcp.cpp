#include <algorithm>

#include <fmt/format.h>

#include "doctor/checks.h"

namespace fan::doctor {
namespace {

constexpr std::uint16_t dhcp_port = 67;

void check_installed(const Evidence& evidence, const Fan& fan, Findings& findings) {
  const Result<std::string> path = evidence.source.program("dnsmasq");
  if (!path) {
    findings.unseen(path.error());
  } else if (path->empty()) {
    Finding finding;
    finding.subject = fan.bridge;
    finding.what = "the fan is to have a DHCP server, and dnsmasq is not installed";
    finding.evidence = {"no dnsmasq in /usr/sbin, /usr/bin, /sbin, /bin or /usr/local/sbin"};
    finding.consequence = "endpoints get no address, and the server does not come back when it ends";
    finding.fix = "apt-get install -y dnsmasq-base";
    findings.add(std::move(finding));
  }
}

// Ours is bound to the bridge. One that is bound to nothing answers there too, where it is configured so.
void check_alone(const Evidence& evidence, const Fan& fan, Findings& findings) {
  const LinkFact* bridge = evidence.facts.link(fan.bridge);
  const Result<std::vector<UdpSocket>> sockets = evidence.source.udp_sockets();
  if (!sockets) {
    findings.unseen(sockets.error());
    return;
  }
  const auto on_bridge = std::count_if(sockets->begin(), sockets->end(), [&](const UdpSocket& socket) {
    return bridge != nullptr && socket.port == dhcp_port && socket.ifindex == bridge->ifindex;
  });
  if (on_bridge <= (fan.spec.dhcp ? 1 : 0)) {
    return;
  }
  Finding finding;
  finding.subject = fan.bridge;
  finding.what = fan.spec.dhcp ? "a second DHCP server is bound to the bridge"
                               : "a DHCP server that is not the fan's is bound to the bridge";
  finding.evidence = {fmt::format("{} sockets on UDP port 67 of {}", on_bridge, fan.bridge)};
  finding.consequence = "endpoints may get addresses that are not of the slice, or that another endpoint has";
  finding.instead = "see whose it is with `ss -ulpn sport = :67`, and have it leave this bridge alone";
  findings.add(std::move(finding));
}

} // namespace

void check_dhcp(const Evidence& evidence, Findings& findings) {
  for (const FanStatus& status : evidence.fans) {
    if (status.fan.spec.dhcp) {
      check_installed(evidence, status.fan, findings);
    }
    if (!status.fan.spec.reach) {
      check_alone(evidence, status.fan, findings);
    }
  }
}

} // namespace fan::doctor
