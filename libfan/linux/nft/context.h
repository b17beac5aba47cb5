// RAII around libnftables. The only file that includes its header is context.cpp. Nothing here knows our rules.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"

struct nft_ctx;

namespace fan::nft {

// One libnftables context: its netlink socket belongs to the network namespace of the thread that made it. Not for use
// by two threads at once.
class Context {
public:
  // Fails (class kernel) where the kernel has no nfnetlink; libnftables itself would end the process there.
  static Result<Context> open();

  // Runs commands in nft's language, all or nothing, and gives what they print. On failure the Error holds what nft
  // says, verbatim, as kernel_text, and in sys_errno the errno that its first line names.
  Result<std::string> run(const std::string& commands);

private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  explicit Context(nft_ctx* context) : context_(context) {}
  std::unique_ptr<nft_ctx, Free> context_;
};

} // namespace fan::nft
