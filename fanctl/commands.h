// The table of commands: one file per command, one line here. A command takes its arguments, the World and the Console,
// and answers with an exit status; it throws nothing and ends nothing itself.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "fanctl/arguments.h"
#include "fanctl/console.h"
#include "fanctl/exit_status.h"
#include "fanctl/world.h"

namespace fan::cli {

struct Command {
  std::string_view name;
  std::string_view summary; // one line, for `fanctl help`
  std::string (*help)();
  ExitStatus (*run)(Words arguments, World& world, Console& console);
};

std::span<const Command> commands();

std::string help_up();
std::string help_down();
std::string help_apply();
std::string help_show();
std::string help_try();
std::string help_enable();
std::string help_disable();
std::string help_import();
std::string help_explain();
std::string help_doctor();
std::string help_trace();
std::string help_docker();
std::string help_endpoint();
std::string help_broadcast();
std::string help_metrics();
ExitStatus run_up(Words arguments, World& world, Console& console);
ExitStatus run_down(Words arguments, World& world, Console& console);
ExitStatus run_apply(Words arguments, World& world, Console& console);
ExitStatus run_try(Words arguments, World& world, Console& console);
ExitStatus run_enable(Words arguments, World& world, Console& console);
ExitStatus run_disable(Words arguments, World& world, Console& console);
ExitStatus run_import(Words arguments, World& world, Console& console);
ExitStatus run_show(Words arguments, World& world, Console& console);
ExitStatus run_explain(Words arguments, World& world, Console& console);
ExitStatus run_doctor(Words arguments, World& world, Console& console);
ExitStatus run_trace(Words arguments, World& world, Console& console);
ExitStatus run_docker(Words arguments, World& world, Console& console);
ExitStatus run_endpoint(Words arguments, World& world, Console& console);
ExitStatus run_broadcast(Words arguments, World& world, Console& console);
ExitStatus run_metrics(Words arguments, World& world, Console& console);

// The whole of fanatic, the name by which Juju and scripts make a fan persistent.
ExitStatus run_fanatic(Words arguments, World& world, Console& console);

// The whole of fanctl, `arguments` without the program's name.
ExitStatus run(Words arguments, World& world, Console& console);

// Says the error, as JSON on standard output or as text on standard error, and gives its exit status.
ExitStatus fail(Console& console, bool json, const Error& error);

} // namespace fan::cli
