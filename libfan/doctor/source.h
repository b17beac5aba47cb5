// Where the checks of `fanctl doctor` look, beside what a Provider tells: files of this host, and what only the
// kernel's rooms can tell. Everything reads only. What a source does not know it says so: the check is then "not looked
// at". The tests have one of memory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/errors.h"
#include "core/result.h"

namespace fan {
class Prober;
}

namespace fan::doctor {

class Source {
public:
  virtual ~Source() = default;

  // The text of a file by its absolute path, /proc and /sys among them; nullopt where there is none. Errors (privilege
  // or host_state): it cannot be read.
  virtual Result<std::optional<std::string>> text(const std::string& /*path*/) { return unknown("files"); }
  // The names in a directory, sorted; empty where there is none.
  virtual Result<std::vector<std::string>> names(const std::string& /*directory*/) { return unknown("files"); }

  // For questions to other machines; nullptr where there is no network.
  virtual Prober* prober() { return nullptr; }

protected:
  static Error unknown(const std::string& what) { return host_error(what + " are not known here"); }
};

} // namespace fan::doctor
