#include "linux/service/launch.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/errors.h"
#include "linux/service/descriptor.h"

namespace fan::service {
namespace {

using Clock = std::chrono::steady_clock;
// A busy host has been seen to hold the lock of all network devices for ten seconds, for the deletion of one bridge
// (rcu_barrier in br_multicast_dev_del, Linux 6.18), which dnsmasq waits for.
constexpr std::chrono::seconds patience{30};
constexpr std::size_t longest_complaint = 4096;

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Pipe make_pipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return {};
  }
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// What the new process starts with.
class Setting {
public:
  // `output_fd`: where standard output goes; none: nowhere.
  explicit Setting(int error_fd, int output_fd = -1) {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_addopen(&files_, 0, "/dev/null", O_RDONLY, 0);
    if (output_fd < 0) {
      posix_spawn_file_actions_addopen(&files_, 1, "/dev/null", O_WRONLY, 0);
    } else {
      posix_spawn_file_actions_adddup2(&files_, output_fd, 1);
    }
    posix_spawn_file_actions_adddup2(&files_, error_fd, 2);
    posix_spawn_file_actions_addclosefrom_np(&files_, 3);
    posix_spawn_file_actions_addchdir_np(&files_, "/");
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Setting() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

  // 0, or an errno.
  int start(pid_t& pid, const std::string& path, const std::vector<std::string>& argv) {
    std::vector<char*> arguments{const_cast<char*>(path.c_str())};
    for (const std::string& argument : argv) {
      arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    std::string search = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::string language = "LC_ALL=C";
    std::array<char*, 3> environment{search.data(), language.data(), nullptr};
    return posix_spawn(&pid, path.c_str(), &files_, &attributes_, arguments.data(), environment.data());
  }

private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

void read_available(int fd, std::string& text) {
  char part[512];
  ssize_t length = 0;
  while ((length = read(fd, part, sizeof part)) > 0) {
    text.append(
        part, std::min(static_cast<std::size_t>(length), longest_complaint - std::min(longest_complaint, text.size())));
  }
}

Error lost_track(int number) {
  Error error = host_error(fmt::format("cannot be waited for: {}", strerror(number)));
  error.sys_errno = number;
  return error;
}

// The exit status of `pid`. Error: it did not end in time, in which case it is killed, or its status cannot be had. Its
// complaints go to `text`.
Result<int> await(pid_t pid, int error_fd, std::string& text) {
  const Clock::time_point end = Clock::now() + patience;
  int status = 0;
  for (pid_t ended = 0; (ended = waitpid(pid, &status, WNOHANG)) != pid;) {
    if (ended < 0 && errno != EINTR) {
      return lost_track(errno);
    }
    if (Clock::now() >= end) {
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return host_error(fmt::format("did not get ready within {} seconds", patience.count()));
    }
    pollfd waiting{error_fd, POLLIN, 0};
    poll(&waiting, 1, 5); // also the pause between two looks at the process
    read_available(error_fd, text);
    if ((waiting.revents & POLLHUP) != 0) {
      usleep(1000);
    }
  }
  read_available(error_fd, text);
  return status;
}

Error failure(const std::string& path, const std::string& how, std::string text) {
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  Error error = host_error(fmt::format("{} {}{}", path, how, text.empty() ? "" : ": " + text));
  error.kernel_text = std::move(text);
  return error;
}

std::string in_words(int status) {
  return WIFEXITED(status) ? fmt::format("ended with status {}", WEXITSTATUS(status))
                           : fmt::format("was ended by signal {}", WTERMSIG(status));
}

} // namespace

std::string find_program(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/local/sbin/"}) {
    if (access((folder + name).c_str(), X_OK) == 0) {
      return folder + name;
    }
  }
  return {};
}

namespace {

// Runs it to its end and gives what it said: on standard error, or on both.
Result<std::string> run_to_end(const std::string& path, const std::vector<std::string>& argv, bool both,
                               ErrorClass status_one) {
  Pipe complaints = make_pipe();
  pid_t pid = 0;
  const int end = complaints.write_end.open() ? complaints.write_end.get() : -1;
  const int failed = end >= 0 ? Setting(end, both ? end : -1).start(pid, path, argv) : errno;
  complaints.write_end.reset();
  if (failed != 0) {
    Error error = failure(path, std::string("cannot be started: ") + strerror(failed), {});
    error.sys_errno = failed;
    return error;
  }
  std::string text;
  const Result<int> status = await(pid, complaints.read_end.get(), text);
  if (!status) {
    Error error = failure(path, status.error().message, std::move(text));
    error.sys_errno = status.error().sys_errno;
    return error;
  }
  if (*status == 0) {
    return text;
  }
  Error error = failure(path, in_words(*status), std::move(text));
  error.kind = WIFEXITED(*status) && WEXITSTATUS(*status) == 1 ? status_one : error.kind;
  return error;
}

} // namespace

Result<void> launch(const std::string& path, const std::vector<std::string>& argv, ErrorClass status_one) {
  const auto said = run_to_end(path, argv, false, status_one);
  return said ? Result<void>() : Result<void>(said.error());
}

Result<std::string> ask(const std::string& path, const std::vector<std::string>& argv) {
  return run_to_end(path, argv, true, ErrorClass::host_state);
}

} // namespace fan::service
