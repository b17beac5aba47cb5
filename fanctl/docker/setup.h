// What `fanctl docker` writes: its record, Docker's configuration, and the rule. The record comes first, so that what
// was killed half way can be taken back; taking back what has not happened is nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "fanctl/docker/record.h"
#include "fanctl/world.h"

namespace fan::cli::docker {

// Says in which file an error was found.
Error in_file(const std::string& path, Error error);

// The record of this host; nothing when Docker is not set up.
Result<std::optional<Record>> recorded();

// daemon.json before and after; nothing: there was no such file.
struct Texts {
  std::optional<std::string> before;
  std::string after;
};

// Writes `record`, daemon.json, and the rule that is wanted; takes out the rule of `earlier` that is for another
// overlay. A rule of ours that is no longer wanted stays until it is taken back, as containers run until Docker is
// started again. When a step fails, those before it are undone, and `earlier` is the record again. Class partial:
// undoing failed as well.
Result<void> set_up(World& world, const Record& record, const Texts& daemon_json, const std::optional<Record>& earlier);

// Takes back what `record` says, and the record. Gives the keys that somebody changed since, which stay. When a step
// fails, those before it are undone. Class partial: undoing failed as well. `keep_rule`: a rule of ours stays, and what
// is left of the record says that it is ours.
Result<std::vector<std::string>> take_back(World& world, const Record& record, bool keep_rule);

} // namespace fan::cli::docker
