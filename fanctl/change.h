// What `up` and `down` have in common: the arguments of a command that changes the host, what must be in place before
// it, and how its report is told.
#pragma once

#include <string>

#include "fanctl/arguments.h"
#include "fanctl/commands.h"
#include "fanctl/output/report.h"

namespace fan::cli {

struct ChangeArguments {
  CommonArguments common;
  FanArguments fan;
  std::vector<std::string> wait; // as typed; empty: default_wait
  bool all = false;              // -a
  bool dry_run = false;
};
inline constexpr const char* default_wait = "10";

// `--wait` alone, and with the other options of a change.
void declare_wait(CLI::App& app, ChangeArguments& into);
void declare_change(CLI::App& app, ChangeArguments& into);

// "up 250.0.0.0/8 eth0/16": the request as typed, for messages.
std::string title_of(const std::string& command, const std::vector<std::string>& words);

// The provider, after privilege and lock where something is going to be changed. Touches nothing itself.
Result<Provider*> ready(const ChangeArguments& given, World& world);

// Prints the report and gives the status: success; the error's own for one request; partial for several (`all`).
ExitStatus tell(const Report& report, const ChangeArguments& given, const World& world, Console& console);

} // namespace fan::cli
