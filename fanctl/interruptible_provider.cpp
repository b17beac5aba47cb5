#include "fanctl/interruptible_provider.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/errors.h"
#include "fanctl/interruption.h"

namespace fan::cli {

namespace {

Error interrupted(int signal) {
  const char* name = sigabbrev_np(signal);
  Error error = host_error(std::string("interrupted by SIG") + (name == nullptr ? "?" : name),
                           "what this request had done is undone; run it again");
  error.sys_errno = EINTR;
  return error;
}

} // namespace

Result<Facts> InterruptibleProvider::facts() {
  const std::optional<int> signal = held_signal();
  stopped_ = stopped_ || signal.has_value();
  return signal ? interrupted(*signal) : ForwardingProvider::facts();
}

Result<void> InterruptibleProvider::apply(std::span<const Change> transaction) {
  const std::optional<int> signal = stopped_ ? std::nullopt : held_signal();
  stopped_ = stopped_ || signal.has_value();
  return signal ? Result<void>(interrupted(*signal)) : ForwardingProvider::apply(transaction);
}

} // namespace fan::cli
