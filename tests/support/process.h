// Programs run by tests: fork and exec, never a shell. May not be used by anything but tests.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace fan::test {

class Netns;

using Argv = std::vector<std::string>;

struct RunOptions {
  std::string input;                        // what the program reads on its standard input
  std::chrono::milliseconds timeout{90000}; // then the program's process group is killed
  const Netns* netns = nullptr;             // network namespace; nullptr: the one the calling thread is in
  std::vector<std::string> env;             // "NAME=value", added to the test's own environment
  unsigned uid = 0; // other than 0: the program runs as this user and group, without capabilities
  std::string cwd;  // empty: the test's own
  // {from, to}: `from` is bind-mounted over `to`, in a mount namespace that only this program sees.
  std::vector<std::pair<std::string, std::string>> binds;
};

struct Outcome {
  int status = -1; // exit status; 128 + signal when a signal ended it; 127 when it could not be started
  std::string out;
  std::string err;
  bool timed_out = false;
  [[nodiscard]] bool ok() const { return status == 0; }
};

// Runs argv[0] (looked up in PATH) to its end. What it left running in the background keeps running.
Outcome run(const Argv& argv, const RunOptions& options = {});

// Runs it and adds a test failure with its output when its status is not 0. Gives its standard output.
std::string must(const Argv& argv, const RunOptions& options = {});

// A program that runs beside the test. It is killed with the object, and by the kernel when the test dies.
class Background {
public:
  Background(const Argv& argv, const RunOptions& options = {}); // `input` and `timeout` do not apply
  ~Background();
  Background(Background&& other) noexcept;
  Background& operator=(Background&&) = delete;
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  void signal(int number) const;
  // Standard output and standard error so far.
  [[nodiscard]] std::string output() const;
  // Waits until `text` stands in the output. False: it did not come in time.
  [[nodiscard]] bool wait_for(const std::string& text, std::chrono::milliseconds timeout = std::chrono::seconds(60));
  // Waits for the end, kills it after `timeout`. The status as in Outcome.
  int wait(std::chrono::milliseconds timeout = std::chrono::seconds(30));

private:
  pid_t pid_ = -1;
  int output_fd_ = -1; // an unlinked file
  int status_ = -1;
};

// Bounds are for what never comes, on the slowest machine there is: an emulated one among others.

// Polls `condition` every few milliseconds. False: it did not come true in time.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition, std::chrono::milliseconds timeout = std::chrono::seconds(30));

void pause_for(std::chrono::milliseconds time);

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end)
      return condition();
    pause_for(std::chrono::milliseconds(5));
  }
  return true;
}

// The outcome in words, for failure messages.
std::string describe(const Argv& argv, const Outcome& outcome);

} // namespace fan::test
