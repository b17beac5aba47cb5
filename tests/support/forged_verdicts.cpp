#include "support/forged_verdicts.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fan::test {
namespace {

struct Verdict {
  unsigned tests = 0;   // in how many it was tried
  unsigned arrived = 0; // in how many it got through
};

struct Verdicts {
  std::mutex mutex;
  std::map<std::string, Verdict> of;
  std::uint64_t sent = 0;
  unsigned tests = 0;
};

Verdicts& verdicts() {
  static Verdicts all;
  return all;
}

class Report : public ::testing::Environment {
public:
  void TearDown() override {
    const Verdicts& all = verdicts();
    if (all.of.empty()) {
      return;
    }
    fmt::print("Forged packets: {} of {} kinds, in {} tests\n", all.sent, all.of.size(), all.tests);
    for (const auto& [kind, verdict] : all.of) {
      fmt::print("  {:<60} arrived in {} of {}\n", kind,
                 verdict.arrived == 0 ? "none" : std::to_string(verdict.arrived), verdict.tests);
    }
    std::fflush(stdout);
  }
};

// Owned by GoogleTest.
[[maybe_unused]] const ::testing::Environment* const report = ::testing::AddGlobalTestEnvironment(new Report);

} // namespace

void note_verdicts(const std::set<std::string>& kinds, std::uint64_t sent, const std::string& arrived) {
  Verdicts& all = verdicts();
  const std::lock_guard lock(all.mutex);
  all.sent += sent;
  ++all.tests;
  for (const std::string& kind : kinds) {
    ++all.of[kind].tests;
  }
  std::istringstream lines(arrived);
  for (std::string kind; std::getline(lines, kind);) {
    ++all.of[kind].arrived;
  }
}

} // namespace fan::test
