#include "fanctl/console.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace fan::cli {

void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    constexpr rlim_t enough = 65536; // children that close all they could have open get it as well
    limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, enough));
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void prepare_standard_streams() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0) {
      continue;
    }
    // The lowest free number is taken, which is this one. Opened the wrong way round, so that using it fails.
    (void)open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
  }
  (void)std::signal(SIGPIPE, SIG_IGN);
  // Who starts this process may have it ignored, and that is inherited: then no child leaves a status to wait for.
  (void)std::signal(SIGCHLD, SIG_DFL);
}

Result<void> write_all(int descriptor, const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = write(descriptor, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) {
      Error error;
      error.sys_errno = errno;
      error.message = std::string("cannot write the output: ") + std::strerror(error.sys_errno);
      return error;
    }
    rest.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return {};
}

} // namespace fan::cli
