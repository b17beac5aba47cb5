// What /proc says about one process, read so that it cannot be another process by the time it is believed: the pidfd is
// opened first, and everything read counts only if that process is still alive afterwards.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "linux/service/descriptor.h"

namespace fan::service {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  Descriptor handle; // pidfd
  std::vector<std::string> argv;
};

// The processes of program `name` (the executable's file name, whether or not it was replaced since) that are in this
// thread's network namespace and have CAP_NET_ADMIN in this process's user namespace. An ordinary user can run any
// program with any arguments, but not with that.
// An error: not all of them can be seen now, for want of memory or descriptors.
Result<std::vector<Process>> processes_of(const std::string& name);

// A process of which /proc tells this process no more than the arguments, for want of CAP_SYS_PTRACE.
struct HiddenProcess {
  pid_t pid = 0;
  std::vector<std::string> argv; // not to be believed: it may be anybody's
};
Result<std::vector<HiddenProcess>> hidden_processes();

// Sends SIGTERM, and SIGKILL when it has not ended after a while. Error: it may not be sent a signal (class privilege),
// or does not end.
Result<void> stop(const Process& process);

} // namespace fan::service
