// The system calls by which a command reaches the kernel, as strace(1) counts them, and a run in which one of them
// fails, or does not come to pass because the process is killed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/netns.h"

namespace fan::test {

// The n-th call of its name, counted from 1 in each process.
struct Call {
  std::string name;
  unsigned nth = 0;
  bool writes = false; // changes something, or is the answer to what does
  std::string kind;    // its name and what it asks for, "bpf BPF_MAP_UPDATE_ELEM", of a write
  std::string text;    // as strace shows it, for messages
};

// What `argv` calls when nothing is injected. Only calls that send, receive, ask for BPF, open, write, name or remove a
// file, or start or signal a process; of the commands that a child becomes, nothing.
std::vector<Call> calls_of(const Netns& netns, const Argv& argv);

struct Injected {
  Outcome outcome;
  std::size_t times = 0; // in how many processes it happened: a child counts its own calls
  [[nodiscard]] bool happened() const { return times > 0; }
};

// The call fails with an errno that its name can fail with, once; nothing is done by it.
Injected run_failing(const Netns& netns, const Argv& argv, const Call& call);
// With an errno of the caller's.
Injected run_failing_with(const std::string& error, const Netns& netns, const Argv& argv, const Call& call);
// SIGKILL as the call is about to be made.
Injected run_killed(const Netns& netns, const Argv& argv, const Call& call);
// Another signal there; the call is made.
Injected run_signalled(const Netns& netns, const Argv& argv, const Call& call, const std::string& signal);

// At most so many of them, another part every day: of every kind of write one, then more of the writes than of what
// only reads, between which a call finds the same host. FANCTL_INJECT_OFFSET=N is the part of day N;
// FANCTL_INJECT=all is all of them, FANCTL_INJECT=writes those that write. In the order of `calls`.
std::vector<Call> selection(const std::vector<Call>& calls, std::size_t most);
// Which part it is: the day's, to be given as FANCTL_INJECT_OFFSET on another day.
std::size_t selection_offset();

// The call of another run of the command that stands for `call`: the same one, else the last of its kind, else of its
// name. None: the command makes no such call any more.
std::optional<Call> counterpart(const Call& call, const std::vector<Call>& calls);

} // namespace fan::test
