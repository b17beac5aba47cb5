#include <fmt/format.h>

#include "core/render.h"
#include "doctor/checks.h"

namespace fan::doctor {
namespace {

constexpr std::uint32_t dockers_default = 1500; // dockerd(8), --mtu

void check_size(const DockerSettings& docker, const Fan& fan, Findings& findings) {
  const std::uint32_t mtu = docker.mtu == 0 ? dockers_default : docker.mtu;
  if (docker.bridge != fan.bridge || mtu <= fan.mtu) {
    return;
  }
  Finding finding;
  finding.subject = fan.bridge;
  finding.what =
      fmt::format("Docker gives its containers on this bridge an MTU of {}, and the fan has {}", mtu, fan.mtu);
  finding.evidence = {docker.mtu == 0
                          ? fmt::format("/etc/docker/daemon.json has \"bridge\": \"{}\" and no \"mtu\"", fan.bridge)
                          : fmt::format("\"mtu\": {} in /etc/docker/daemon.json", docker.mtu)};
  finding.consequence =
      "the containers send packets that the bridge does not take: connections come up, and then stall";
  finding.fix = "fanctl docker enable " + shell_word(fan.bridge) + " && systemctl restart docker";
  findings.add(std::move(finding));
}

} // namespace

void check_docker(const Evidence& evidence, Findings& findings) {
  if (!evidence.docker.installed) {
    return;
  }
  for (const FanStatus& status : evidence.fans) {
    if (const auto meeting = evidence.docker.meetings.find(status.fan.bridge);
        meeting != evidence.docker.meetings.end()) {
      Finding finding;
      finding.severity = Severity::warning;
      finding.subject = status.fan.bridge;
      finding.what = "Docker may give its own networks addresses of the overlay or of the underlay";
      finding.evidence = {meeting->second};
      finding.consequence = "a network that Docker makes there cuts this host off from that part";
      finding.instead = "set \"default-address-pools\" in /etc/docker/daemon.json, as said above, and restart Docker";
      findings.add(std::move(finding));
    }
    check_size(evidence.docker, status.fan, findings);
  }
}

} // namespace fan::doctor
