// Makes the host have the fans of a configuration and, of those that came from a configuration (flag `auto`), no
// others. A fan that somebody brought up by hand is never changed, unless it is adopted, and never goes down. Knows
// nothing of files but their names.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/fan_spec.h"
#include "core/result.h"
#include "engine/provider.h"
#include "engine/requests.h"

namespace fan {

struct WantedFan {
  FanSpec spec;     // with `autostart` and `origin`
  std::string name; // for messages: "fan-250"
  TextPlace place;
};

struct Configuration {
  std::vector<WantedFan> wanted;
  std::set<std::string> files;  // the origins that were read, the broken ones too
  std::set<std::string> broken; // those of them that have an error: what is up of them stays as it is
  bool everything = true;       // the files are all there are; false: fans of other files are left alone
  bool adopts = false;          // a fan that was brought up by hand becomes the one of a file that asks for it
};

struct AppliedPart {
  std::string title; // "fan-250", "remove fan-251"
  Outcome outcome;
};

struct Applied {
  std::vector<AppliedPart> parts; // the removals first
  std::vector<Error> errors;      // of the fans that could not be made so; they do not disturb the others
};

// Each fan is validated before it is touched, and undone when a change of it fails. A fan goes down when its file was
// read whole and does not have it any more; when its file is gone, or it has none, only if no file is broken. Not while
// ports are attached. An error is what stops everything: this host cannot be looked at, or in a dry run not by this
// process.
Result<Applied> apply_configuration(Provider& provider, const Configuration& configuration,
                                    const RequestOptions& options);

} // namespace fan
