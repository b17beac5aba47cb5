// The configuration of this host as `fanctl apply` takes it: which files there are, whether they may be trusted, and
// the fans in them. Reads; changes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/devices.h"
#include "core/result.h"
#include "engine/apply_configuration.h"

namespace fan::cli {

inline constexpr const char* configuration_directory = "/etc/fanctl";

// What was named on the command line; all empty: the directory above and /etc/network/fan.
struct ConfigurationSource {
  std::vector<std::string> files; // only these; *.yaml is YAML, anything else is written as /etc/network/fan
  std::string directory;          // the *.yaml files of this one are all there is
};

struct ReadConfiguration {
  Configuration configuration;
  std::vector<Error> errors;      // of the files in `configuration.broken`, in the order of reading
  std::vector<std::string> notes; // fans in netplan's own directories
};

// The *.yaml files of a directory in lexical order, then /etc/network/fan. A file that has an error is broken as a
// whole, but of one written as /etc/network/fan the good lines count. A fan that two places have is an error of the
// second. An error: a directory that cannot be read or trusted, as then nobody knows what is missing.
Result<ReadConfiguration> read_configuration_files(const ConfigurationSource& source, const Devices& devices);

// The error of a fan that an entry before it means too, by its networks or its bridge: each would undo the other at
// every run. Nothing: there is none, or this one is off.
std::optional<Error> named_before(const WantedFan& fan, const std::vector<WantedFan>& before);

// `path` made absolute, as the origin of a fan; "" when a record cannot hold it.
std::string origin_of(const std::string& path);
// The error of such a path.
Error no_origin(const std::string& path);

} // namespace fan::cli
