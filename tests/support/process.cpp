#include "support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "support/netns.h"

extern char** environ;

namespace fan::test {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& s : strings)
    result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment(const std::vector<std::string>& added) {
  std::vector<std::string> result = added;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string entry = *e;
    const std::string name = entry.substr(0, entry.find('=') + 1);
    if (std::none_of(added.begin(), added.end(), [&](const auto& a) { return a.starts_with(name); }))
      result.push_back(entry);
  }
  return result;
}

// Says why the child cannot go on, and ends it. Only calls that are allowed after fork in a threaded program.
[[noreturn]] void child_fails(const char* what) {
  const char* reason = strerrordesc_np(errno);
  for (const char* text : {what, ": ", reason != nullptr ? reason : "?", "\n"})
    (void)!write(2, text, strlen(text));
  _exit(127);
}

void child_binds(const RunOptions& options) {
  if (options.binds.empty())
    return;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    child_fails("mount namespace");
  for (const auto& [from, to] : options.binds)
    if (mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
      child_fails(to.c_str());
}

void child_drops_to(unsigned uid) {
  if (uid == 0)
    return;
  if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
    child_fails("setresuid");
}

struct Prepared {
  std::vector<std::string> env_strings;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

[[noreturn]] void child(const Prepared& prepared, const RunOptions& options, const std::array<int, 3>& fds,
                        pid_t parent, bool dies_with_parent) {
  setpgid(0, 0);
  for (int i = 0; i < 3; ++i)
    if (dup2(fds[static_cast<std::size_t>(i)], i) < 0)
      _exit(127);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (options.netns != nullptr && setns(options.netns->fd(), CLONE_NEWNET) != 0)
    child_fails("setns");
  child_binds(options);
  if (!options.cwd.empty() && chdir(options.cwd.c_str()) != 0)
    child_fails(options.cwd.c_str());
  child_drops_to(options.uid);
  // After the change of user, which clears it.
  if (dies_with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
    _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  execvpe(prepared.argv[0], prepared.argv.data(), prepared.envp.data());
  child_fails(prepared.argv[0]);
}

pid_t start(const Argv& argv, const RunOptions& options, const std::array<int, 3>& fds, bool dies_with_parent) {
  Prepared prepared{environment(options.env), pointers(argv), {}};
  prepared.envp = pointers(prepared.env_strings);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0)
    child(prepared, options, fds, parent, dies_with_parent);
  return pid;
}

int unlinked_file() {
  return memfd_create("fanctl-test", MFD_CLOEXEC);
}

std::string contents(int fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (off_t at = 0;;) {
    const ssize_t n = pread(fd, buffer.data(), buffer.size(), at);
    if (n <= 0)
      return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    at += n;
  }
}

int decoded(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// True when the child ended in time; then `status` is set.
bool wait_until(pid_t pid, Clock::time_point end, int& status) {
  std::chrono::microseconds nap{200};
  for (;;) {
    int raw = 0;
    const pid_t got = waitpid(pid, &raw, WNOHANG);
    if (got == pid) {
      status = decoded(raw);
      return true;
    }
    if (got < 0 || Clock::now() >= end)
      return false;
    std::this_thread::sleep_for(nap);
    nap = std::min(nap * 2, std::chrono::microseconds(5000));
  }
}

void kill_group(pid_t pid, int& status) {
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  int raw = 0;
  if (waitpid(pid, &raw, 0) == pid)
    status = decoded(raw);
}

} // namespace

Outcome run(const Argv& argv, const RunOptions& options) {
  // Files instead of pipes: a daemon that the program leaves behind may keep them open without holding us up.
  const std::array<int, 3> fds{unlinked_file(), unlinked_file(), unlinked_file()};
  (void)!write(fds[0], options.input.data(), options.input.size());
  lseek(fds[0], 0, SEEK_SET);
  Outcome outcome;
  const pid_t pid = start(argv, options, fds, true);
  if (!wait_until(pid, Clock::now() + options.timeout, outcome.status)) {
    outcome.timed_out = true;
    kill_group(pid, outcome.status);
  }
  outcome.out = contents(fds[1]);
  outcome.err = contents(fds[2]);
  for (const int fd : fds)
    close(fd);
  return outcome;
}

std::string describe(const Argv& argv, const Outcome& outcome) {
  return fmt::format("{}\nstatus {}{}\nstdout: {}\nstderr: {}", fmt::join(argv, " "), outcome.status,
                     outcome.timed_out ? " (timed out)" : "", outcome.out, outcome.err);
}

std::string must(const Argv& argv, const RunOptions& options) {
  Outcome outcome = run(argv, options);
  if (!outcome.ok())
    ADD_FAILURE() << describe(argv, outcome) << (options.input.empty() ? "" : "\nstdin: " + options.input);
  return outcome.out;
}

Background::Background(const Argv& argv, const RunOptions& options) : output_fd_(unlinked_file()) {
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pid_ = start(argv, options, {nothing, output_fd_, output_fd_}, true);
  close(nothing);
}

Background::Background(Background&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), output_fd_(std::exchange(other.output_fd_, -1)), status_(other.status_) {}

Background::~Background() {
  if (pid_ > 0)
    kill_group(pid_, status_);
  if (output_fd_ >= 0)
    close(output_fd_);
}

bool Background::running() {
  if (pid_ > 0 && wait_until(pid_, Clock::now(), status_))
    pid_ = -1;
  return pid_ > 0;
}

void Background::signal(int number) const {
  if (pid_ > 0)
    kill(pid_, number);
}

std::string Background::output() const {
  return contents(output_fd_);
}

bool Background::wait_for(const std::string& text, std::chrono::milliseconds timeout) {
  return eventually([&] { return output().find(text) != std::string::npos || !running(); }, timeout) &&
         output().find(text) != std::string::npos;
}

int Background::wait(std::chrono::milliseconds timeout) {
  if (pid_ > 0 && !wait_until(pid_, Clock::now() + timeout, status_))
    kill_group(pid_, status_);
  pid_ = -1;
  return status_;
}

void pause_for(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
}

} // namespace fan::test
