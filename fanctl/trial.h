// The keeper of a trial: a process of its own session that remembers the fans there were, and brings them back unless
// it is told to keep the new ones. It outlives the command that started it, however that ends: ^C, a closed terminal,
// kill -9.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "core/result.h"
#include "fanctl/world.h"

namespace fan::cli {

enum class Verdict { kept, reverted };

class Trial {
public:
  // Forks the keeper, which listens at world.try_path(), looks at the host and is ready when this returns; the World's
  // provider must not have been used before. Class busy while another trial is under way in this network namespace.
  static Result<Trial> begin(World& world, std::chrono::seconds timeout);

  Trial(Trial&& other) noexcept;
  Trial& operator=(Trial&&) = delete;
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;
  // Without a word from keep() the keeper reverts.
  ~Trial();

  // Becomes readable when the keeper has decided.
  [[nodiscard]] int descriptor() const { return answers_; }

  void keep();
  void revert();
  // Waits for the keeper's decision. An error: it could not revert, and says why.
  Result<Verdict> verdict();

private:
  Trial(pid_t keeper, int orders, int answers) : keeper_(keeper), orders_(orders), answers_(answers) {}
  pid_t keeper_;
  int orders_;
  int answers_;
};

// Tells the trial that is under way to keep what it did. Class not_found: there is none.
Result<void> confirm_trial(const std::string& path);

} // namespace fan::cli
