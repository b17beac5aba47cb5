#include "fanctl/output/metrics_text.h"

#include <algorithm>
#include <map>

#include "fanctl/output/exposition.h"
#include "fanctl/version.h"

namespace fan::cli {

namespace {

constexpr auto counter = MetricType::counter;
constexpr auto gauge = MetricType::gauge;

std::uint64_t flag(bool set) {
  return set ? 1 : 0;
}

void fan_info(Exposition& out, const std::vector<FanStatus>& fans) {
  out.family("fanctl_fan_info", gauge, "The fans of this host; the value is 1.");
  for (const FanStatus& one : fans) {
    const Fan& fan = one.fan;
    out.sample({{"bridge", fan.bridge},
                {"overlay", fan.mapping.overlay().str()},
                {"underlay", fan.mapping.underlay().str()},
                {"slice", fan.slice().str()},
                {"host", fan.host.str()},
                {"device", fan.device},
                {"encapsulation", std::string(name_of(fan.spec.encapsulation))}},
               std::uint64_t{1});
  }
}

void plain_facts(Exposition& out, const std::vector<FanStatus>& fans) {
  out.family("fanctl_fans", gauge, "Fans that are up on this host.");
  out.sample({}, std::uint64_t{fans.size()});
  fan_info(out, fans);
  out.family("fanctl_fan_mtu_bytes", gauge, "MTU of the fan.");
  for (const FanStatus& one : fans) {
    out.sample({{"bridge", one.fan.bridge}}, std::uint64_t{one.fan.mtu});
  }
  out.family("fanctl_bridge_ports", gauge, "Devices attached to the fan's bridge.");
  for (const FanStatus& one : fans) {
    out.sample({{"bridge", one.fan.bridge}}, std::uint64_t{one.ports.size()});
  }
}

std::uint64_t missing(const FanStatus& fan) {
  return static_cast<std::uint64_t>(std::count_if(fan.drift.begin(), fan.drift.end(), [](const Drift& drift) {
    return drift.found.empty() && !drift.expected.empty();
  }));
}

void object_counts(Exposition& out, const std::vector<FanStatus>& fans) {
  out.family("fanctl_fan_degraded", gauge, "1 when an object of the fan is missing, altered or too much.");
  for (const FanStatus& one : fans) {
    out.sample({{"bridge", one.fan.bridge}}, flag(!one.drift.empty()));
  }
  out.family("fanctl_fan_objects_expected", gauge, "Kernel objects that the fan should consist of, shared ones too.");
  for (const FanStatus& one : fans) {
    out.sample({{"bridge", one.fan.bridge}}, std::uint64_t{one.objects});
  }
  out.family("fanctl_fan_objects_found", gauge, "Those of them that are there, altered or not.");
  for (const FanStatus& one : fans) {
    out.sample({{"bridge", one.fan.bridge}}, one.objects - std::min<std::uint64_t>(one.objects, missing(one)));
  }
}

void degraded_objects(Exposition& out, const std::vector<FanStatus>& fans) {
  out.family("fanctl_fan_objects_degraded", gauge, "Objects missing, altered or too much; kinds without any left out.");
  for (const FanStatus& one : fans) {
    std::map<std::string, std::uint64_t> by_kind;
    for (const Drift& drift : one.drift) {
      ++by_kind[drift.kind];
    }
    for (const auto& [kind, number] : by_kind) {
      out.sample({{"bridge", one.fan.bridge}, {"kind", kind}}, number);
    }
  }
}

bool serves(const FanStatus& fan) {
  return std::none_of(fan.drift.begin(), fan.drift.end(),
                      [](const Drift& drift) { return drift.kind == "dhcp" && drift.found.empty(); });
}

void dhcp_servers(Exposition& out, const std::vector<FanStatus>& fans) {
  out.family("fanctl_dhcp_server_up", gauge, "1 when the DHCP server of a fan that has one runs.");
  for (const FanStatus& one : fans) {
    if (one.fan.spec.dhcp) {
      out.sample({{"bridge", one.fan.bridge}}, flag(serves(one)));
    }
  }
}

Labels labels_of(const TrafficCount& count) {
  return {{"reason", count.reason},
          {"way", count.reason.substr(0, count.reason.find('-'))},
          {"verdict", count.refused ? "refused" : "accepted"}};
}

void traffic(Exposition& out, const std::vector<TrafficCount>& counts) {
  out.family("fanctl_packets_total", counter, "Packets by what the programs and the firewall table decided, and why.");
  for (const TrafficCount& count : counts) {
    out.sample(labels_of(count), count.packets);
  }
  out.family("fanctl_bytes_total", counter, "Bytes of those packets.");
  for (const TrafficCount& count : counts) {
    out.sample(labels_of(count), count.bytes);
  }
}

void refused_peers(Exposition& out, const std::vector<RefusedPeer>& peers) {
  std::map<std::string, std::uint64_t> by_reason;
  for (const RefusedPeer& peer : peers) {
    ++by_reason[peer.reason];
  }
  out.family("fanctl_refused_peers", gauge, "Sources of refused packets that are remembered, a bounded sample.");
  for (const auto& [reason, number] : by_reason) {
    out.sample({{"reason", reason}}, number);
  }
}

struct DeviceFamily {
  std::string_view name;
  std::string_view help;
  DeviceTraffic::Way DeviceTraffic::*way;
  std::uint64_t DeviceTraffic::Way::*field;
};

constexpr DeviceFamily device_families[] = {
    {"fanctl_device_receive_packets_total", "Packets that the device received.", &DeviceTraffic::received,
     &DeviceTraffic::Way::packets},
    {"fanctl_device_receive_bytes_total", "Bytes that the device received.", &DeviceTraffic::received,
     &DeviceTraffic::Way::bytes},
    {"fanctl_device_receive_errors_total", "Packets with errors that the device received.", &DeviceTraffic::received,
     &DeviceTraffic::Way::errors},
    {"fanctl_device_receive_dropped_total", "Received packets that the device dropped.", &DeviceTraffic::received,
     &DeviceTraffic::Way::dropped},
    {"fanctl_device_transmit_packets_total", "Packets that the device sent.", &DeviceTraffic::sent,
     &DeviceTraffic::Way::packets},
    {"fanctl_device_transmit_bytes_total", "Bytes that the device sent.", &DeviceTraffic::sent,
     &DeviceTraffic::Way::bytes},
    {"fanctl_device_transmit_errors_total", "Packets that the device could not send.", &DeviceTraffic::sent,
     &DeviceTraffic::Way::errors},
    {"fanctl_device_transmit_dropped_total", "Packets that the device dropped instead of sending them.",
     &DeviceTraffic::sent, &DeviceTraffic::Way::dropped},
};

void devices(Exposition& out, const std::vector<DeviceTraffic>& all) {
  out.family("fanctl_device_up", gauge, "1 when the device, a bridge or a tunnel of fans, is up.");
  for (const DeviceTraffic& one : all) {
    out.sample({{"device", one.device}, {"kind", one.kind}}, flag(one.up));
  }
  for (const DeviceFamily& family : device_families) {
    out.family(family.name, counter, family.help);
    for (const DeviceTraffic& one : all) {
      out.sample({{"device", one.device}, {"kind", one.kind}}, one.*family.way.*family.field);
    }
  }
}

void scrape(Exposition& out, const MetricsView& view) {
  out.family("fanctl_build_info", gauge, "The fanctl that looked; the value is 1.");
  out.sample({{"version", version}}, std::uint64_t{1});
  out.family("fanctl_scrape_duration_seconds", gauge, "How long it took to look.");
  out.sample({}, view.seconds);
  out.family("fanctl_scrape_success", gauge, "1 when this part could be read; else its metrics are absent.");
  out.sample({{"part", "counters"}}, flag(view.counts.has_value()));
  out.sample({{"part", "devices"}}, flag(view.devices.has_value()));
  out.sample({{"part", "fans"}}, flag(view.status.has_value()));
  out.sample({{"part", "objects"}}, flag(view.status && view.status->complete));
  out.sample({{"part", "refused"}}, flag(view.refused.has_value()));
}

} // namespace

std::string metrics_text(const MetricsView& view) {
  Exposition out;
  if (view.status) {
    plain_facts(out, view.status->fans);
  }
  if (view.status && view.status->complete) {
    object_counts(out, view.status->fans);
    degraded_objects(out, view.status->fans);
    dhcp_servers(out, view.status->fans);
  }
  if (view.counts) {
    traffic(out, *view.counts);
  }
  if (view.refused) {
    refused_peers(out, *view.refused);
  }
  if (view.devices) {
    devices(out, *view.devices);
  }
  scrape(out, view);
  return out.text();
}

} // namespace fan::cli
