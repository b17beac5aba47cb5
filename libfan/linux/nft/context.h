// libnftables, at arm's length. The only file that includes its header is context.cpp. Nothing here knows our rules.
#pragma once

#include <string>

#include "core/result.h"

namespace fan::nft {

// Each run is a process of its own, with a socket of its own in the calling thread's network namespace. libnftables
// ends the process that it is in where the kernel's answers are not as it expects: exit() in src/mnl.c, assert() in
// src/expression.c. A fanctl that ended so would not undo what it has done.
class Context {
public:
  // Fails (class kernel) where the kernel has no nfnetlink, and (class privilege) without CAP_NET_ADMIN.
  static Result<Context> open();

  // Runs commands in nft's language, all or nothing, and gives what they print. On failure the Error holds what nft
  // says, verbatim, as kernel_text, and in sys_errno the errno that its first line names.
  Result<std::string> run(const std::string& commands);

private:
  Context() = default;
};

} // namespace fan::nft
