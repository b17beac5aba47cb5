// A process beside this one that libnftables runs in. The only file that includes its header is worker.cpp.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "core/result.h"

namespace fan::nft {

enum class Where : std::uint8_t {
  here, // in the network namespace of the calling thread
  apart // in a new one, which ends with the process
};

// libnftables ends the process that it is in where the kernel's answers are not as it expects: exit() in src/mnl.c,
// assert() in src/expression.c. A fanctl that ended so would not undo what it has done.
//
// One process for many commands, made before there is much to copy: a process that forks pays for every page that it
// writes afterwards. It lets signals that end a command pass, and ends when this process does or when it is told to;
// what it was doing it ends first, and until then holds what this process has locked.
class Worker {
public:
  static Result<Worker> start(Where where);

  Worker(Worker&& other) noexcept;
  Worker& operator=(Worker&& other) noexcept;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker(); // waits for its end

  // Of one that was started `here`. False: the calling thread is in another network namespace by now, or which one that
  // is cannot be told.
  [[nodiscard]] bool serves_here() const;

  enum class Ended {
    done,
    failed,  // the text says why
    gave_up, // libnftables ended the process; the text is what it said before
  };
  struct Answer {
    Ended ended = Ended::gave_up;
    std::string text;
  };
  // Commands in nft's language, all or nothing, and what they print. After an error (class kernel; it could not be
  // asked, or did not answer) and after gave_up the process is no more.
  Result<Answer> run(const std::string& commands);

private:
  Worker() = default;
  Result<Answer> given_up(int number, const char* what);
  int end();

  int socket_ = -1;
  int answer_ = -1; // a file without a name, for what it has to say
  pid_t process_ = -1;
  ino_t network_ = 0;
};

// Of the network namespace of the calling thread; 0 where it cannot be told.
ino_t network_here();

} // namespace fan::nft
