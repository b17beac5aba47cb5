// libnftables, at arm's length: in a process of its own (worker.h). Nothing here knows our rules.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "linux/nft/worker.h"

namespace fan::nft {

// Works in the calling thread's network namespace, with a process for it as long as that stays the same; or apart.
class Context {
public:
  // Fails (class kernel) where the kernel has no nfnetlink, and (class privilege) without CAP_NET_ADMIN.
  static Result<Context> open(Where where = Where::here);

  // Runs commands in nft's language, all or nothing, and gives what they print. On failure the Error holds what nft
  // says, verbatim, as kernel_text, and in sys_errno the errno that its first line names.
  Result<std::string> run(const std::string& commands);

private:
  explicit Context(Where where) : where_(where) {}
  Where where_;
  std::optional<Worker> worker_;
};

} // namespace fan::nft
