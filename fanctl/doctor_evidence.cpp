#include "fanctl/doctor_evidence.h"

#include <fmt/format.h>

#include "fanctl/docker/address_pools.h"
#include "fanctl/output/json.h"

namespace fan::cli {

namespace {

// Who had most packets refused for `reason`.
std::string whose(const std::vector<RefusedPeer>& peers, const std::string& reason) {
  const RefusedPeer* most = nullptr;
  for (const RefusedPeer& peer : peers) {
    if (peer.reason == reason && (most == nullptr || peer.packets > most->packets)) {
      most = &peer;
    }
  }
  const auto known = [](Address address) { return address == Address() ? std::string("unknown") : address.str(); };
  return most == nullptr
             ? ""
             : fmt::format("most from host {}: inner source {}, inner destination {}", known(most->outer_source),
                           known(most->inner_source), known(most->inner_destination));
}

} // namespace

doctor::DockerSettings docker_settings(World& world, const std::vector<Fan>& fans) {
  const std::optional<std::string> text = world.docker_configuration();
  doctor::DockerSettings docker;
  docker.installed = text.has_value();
  if (!text) {
    return docker;
  }
  const std::vector<Prefix> pools = docker::address_pools(*text);
  for (const Fan& fan : fans) {
    if (auto note = docker::meeting(pools, fan.mapping.overlay(), fan.mapping.underlay())) {
      docker.meetings.emplace(fan.bridge, std::move(*note));
    }
  }
  const Json json = Json::parse(*text, nullptr, false); // what Docker cannot read either says nothing
  if (json.is_object()) {
    docker.bridge = json.contains("bridge") && json["bridge"].is_string() ? json["bridge"].get<std::string>() : "";
    docker.mtu = json.contains("mtu") && json["mtu"].is_number_unsigned() ? json["mtu"].get<std::uint32_t>() : 0;
  }
  return docker;
}

Result<std::vector<doctor::Refusals>> refusals(World& world) {
  const Result<std::vector<TrafficCount>> counts = world.counters();
  const Result<std::vector<RefusedPeer>> peers = world.refused();
  if (!counts || !peers) {
    return counts ? peers.error() : counts.error();
  }
  std::vector<doctor::Refusals> refused;
  for (const TrafficCount& count : *counts) {
    if (count.refused) {
      refused.push_back({count.reason, count.meaning, count.packets, whose(*peers, count.reason)});
    }
  }
  return refused;
}

} // namespace fan::cli
