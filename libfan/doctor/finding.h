// What a check of `fanctl doctor` has to say, as values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace fan::doctor {

enum class Severity {
  note,    // worth knowing; nothing is wrong
  warning, // will, or may, go wrong
  problem, // packets are lost, or something is not as it should be, now
};

std::string_view name_of(Severity severity); // "note", "warning", "problem"

struct Finding {
  std::string id; // of the check: a word that stays (fanctl(8), CHECKS); set by Findings
  Severity severity = Severity::problem;
  std::string subject;               // the fan by its bridge, or a device, a file; "" when it is the whole host
  std::string what;                  // one line
  std::vector<std::string> evidence; // what was seen, and the kernel's words
  std::string consequence;           // what comes of it
  std::string fix;                   // one line for sh, run as root; "" when there is none
  std::string instead;               // what to do where no line can do it; "" when there is a fix
};

// Something that a check could not look at: silence about it says nothing.
struct Unseen {
  std::string check;
  std::string why;
  auto operator<=>(const Unseen&) const = default;
};

// What the checks found, in their order.
class Findings {
public:
  void begin(std::string_view check) { check_ = check; }
  void add(Finding finding);
  // Says the same once.
  void unseen(const std::string& why);
  void unseen(const Error& why);

  [[nodiscard]] const std::vector<Finding>& found() const { return found_; }
  [[nodiscard]] const std::vector<Unseen>& not_seen() const { return unseen_; }
  // Precondition: something was found.
  [[nodiscard]] Severity worst() const;

private:
  std::string check_;
  std::vector<Finding> found_;
  std::vector<Unseen> unseen_;
};

} // namespace fan::doctor
