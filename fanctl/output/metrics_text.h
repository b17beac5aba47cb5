// What `fanctl metrics` prints. Pure. No label has a value per peer or per packet: what there is grows with the fans,
// the kinds of objects and the reasons alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/requests.h"
#include "fanctl/world.h"

namespace fan::cli {

struct MetricsView {
  // Nothing where it could not be read: its families are left out then, and fanctl_scrape_success says so.
  std::optional<Status> status;
  std::optional<std::vector<TrafficCount>> counts;
  std::optional<std::vector<RefusedPeer>> refused;
  std::optional<std::vector<DeviceTraffic>> devices;
  double seconds = 0; // it took to look
};

std::string metrics_text(const MetricsView& view);

} // namespace fan::cli
