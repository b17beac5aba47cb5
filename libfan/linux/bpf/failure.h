// Refusals by the bpf system call as values of fan::Error: the errno, what libbpf and the verifier said, and a hint
// that tells the causes of EPERM apart as far as a process can see them.
#pragma once

#include <string>

#include "core/result.h"

namespace fan::bpf {

// From an errno (positive). `log`: what libbpf printed, "" for nothing; its last lines become kernel_text.
Error failure(int sys_errno, const std::string& doing, const std::string& log = {});

// A change that no longer fits what the kernel has.
Error stale(const char* what);

// Catches what libbpf prints on this thread while it lives; outside of one, libbpf's prints are dropped. Never nested.
class LibbpfLog {
public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;
  [[nodiscard]] const std::string& text() const { return text_; }

private:
  std::string text_;
};

} // namespace fan::bpf
