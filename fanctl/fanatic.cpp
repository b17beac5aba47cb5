// fanatic, the name by which Juju and scripts make a fan persistent: enable-fan, disable-fan and show are fanctl's
// enable, disable and show.
#include <algorithm>
#include <array>

#include "core/errors.h"
#include "fanctl/commands.h"
#include "fanctl/version.h"

namespace fan::cli {

namespace {

struct Alias {
  std::string_view name;
  ExitStatus (*run)(Words, World&, Console&);
};

constexpr std::array aliases{
    Alias{"enable-fan", run_enable},
    Alias{"disable-fan", run_disable},
    Alias{"show", run_show},
};

constexpr const char* usage = "usage: fanatic enable-fan -o OVERLAY -u UNDERLAY [OPTIONS]\n"
                              "       fanatic disable-fan -o OVERLAY -u UNDERLAY\n"
                              "       fanatic show\n\n"
                              "The same as fanctl enable, disable and show; the options are those of these.\n";

} // namespace

ExitStatus run_fanatic(Words arguments, World& world, Console& console) {
  const std::string name = arguments.empty() ? "" : arguments.front();
  if (name == "help" || name == "-h" || name == "--help") {
    console.out += usage;
    return ExitStatus::success;
  }
  if (name == "--version") {
    console.out += std::string("fanatic ") + version + "\n";
    return ExitStatus::success;
  }
  const auto* alias = std::find_if(aliases.begin(), aliases.end(), [&](const Alias& a) { return a.name == name; });
  if (alias != aliases.end()) {
    return alias->run(arguments.subspan(1), world, console);
  }
  if (name.empty()) {
    console.err += usage;
    return ExitStatus::usage;
  }
  return fail(console, wants_json(arguments),
              usage_error("fanatic: unknown command " + fan::quoted(name),
                          "the commands are enable-fan, disable-fan and show; the rest is fanctl's"));
}

} // namespace fan::cli
