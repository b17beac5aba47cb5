// What `fanctl docker enable` changed on this host, so that `disable` takes back that and no more. Pure: text in and
// out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/result.h"
#include "fanctl/docker/daemon_json.h"

namespace fan::cli::docker {

inline constexpr const char* record_path = "/var/lib/fanctl/docker.json";

struct Record {
  std::string bridge;
  Prefix overlay;
  std::string daemon_json;      // path
  bool had_daemon_json = false; // the file existed before
  std::vector<KeyChange> keys;  // of daemon.json
  bool rule = false;            // a rule in DOCKER-USER is wanted
  bool added_rule = false;      // one is there that is ours: it was not there before
  auto operator<=>(const Record&) const = default;
};

std::string text_of(const Record& record);

// Error (host_state): not a record of a version that this program knows.
Result<Record> parse_record(std::string_view text);

} // namespace fan::cli::docker
