// What the commands over a configuration have in common (apply, show --diff, try, enable, up of a configured fan):
// which files are meant, what they ask of this host, and how that is told.
#pragma once

#include <string>
#include <vector>

#include "engine/apply_configuration.h"
#include "fanctl/arguments.h"
#include "fanctl/configuration_files.h"
#include "fanctl/output/report.h"
#include "fanctl/world.h"

namespace fan::cli {

struct FileArguments {
  std::vector<std::string> files;
  std::vector<std::string> directory; // --dir

  [[nodiscard]] ConfigurationSource source() const;
};
// `--dir`, and with `bare` the names of files as bare words.
void declare_files(CLI::App& app, FileArguments& into, bool bare);
// Class usage: given twice, empty, or both.
Result<void> check_files(const FileArguments& given);

struct Applying {
  Report report;
  std::string summary; // a line for each fan that was not as configured
};

// Makes the host as `read` says, or in a dry run says how. An error is what stops everything.
Result<Applying> apply_read(ReadConfiguration read, Provider& provider, const std::string& command, bool dry_run);

// Of each fan that would change, its objects: "-" as found, "+" as expected.
std::string diff_text(const Report& report);

} // namespace fan::cli
