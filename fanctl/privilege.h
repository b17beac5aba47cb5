// Why this process may not change network state, told apart: a capability is missing, a user namespace is in the way,
// seccomp, kernel lockdown. Looking is one thing (read_process_facts), judging another (judge_privilege), so that the
// judgement is tested.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace fan::cli {

struct ProcessFacts {
  std::uint64_t effective_capabilities = 0; // CapEff of /proc/self/status
  bool initial_user_namespace = true;       // /proc/self/uid_map maps everything onto itself
  bool owns_network_namespace = true;       // the network namespace belongs to this process's user namespace
  int seccomp_mode = 0;                     // Seccomp of /proc/self/status: 0 none, 1 strict, 2 filter
  std::string lockdown;                     // "none", "integrity", "confidentiality"; "" where the kernel has none
  int bpf_errno = 0;                        // what bpf(2) answered to a harmless question, 0 for an answer
};

// Asks the kernel; changes nothing. What cannot be read counts as harmless: the real call will tell.
ProcessFacts read_process_facts();

// Nothing in the way, or an error of class privilege that names it and says what to do.
Result<void> judge_privilege(const ProcessFacts& facts);

// This process, and whatever it starts, has no capability any more and gets none. For good.
Result<void> give_up_privileges();

} // namespace fan::cli
