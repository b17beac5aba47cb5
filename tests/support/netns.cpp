#include "support/netns.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace fan::test {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(fmt::format("{}: {} (network namespaces need root)", what, strerror(errno)));
}

int own_namespace() {
  return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

void bring_loopback_up() {
  const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(s, SIOCSIFFLAGS, &request) != 0)
    fail("lo up");
  close(s);
}

// Without these a link-local address gets its routes a second or two after its device came up, in the middle of a test.
void settle_ipv6_at_once() {
  for (const char* key : {"accept_dad", "router_solicitations"})
    std::ofstream(fmt::format("/proc/sys/net/ipv6/conf/default/{}", key)) << "0" << std::flush;
}

int new_namespace() {
  const int back = own_namespace();
  if (unshare(CLONE_NEWNET) != 0)
    fail("unshare");
  const int fd = own_namespace();
  bring_loopback_up();
  settle_ipv6_at_once();
  if (setns(back, CLONE_NEWNET) != 0)
    fail("setns");
  close(back);
  return fd;
}

std::vector<pid_t> processes_in(int netns_fd) {
  struct stat wanted {};
  fstat(netns_fd, &wanted);
  std::vector<pid_t> found;
  DIR* proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    struct stat actual {};
    if (pid > 1 && pid != getpid() && stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &actual) == 0 &&
        actual.st_ino == wanted.st_ino && actual.st_dev == wanted.st_dev)
      found.push_back(pid);
  }
  closedir(proc);
  return found;
}

// Sleeps until the test closes its end of the socket (or dies), then kills whatever is still in the namespace.
// A daemon that was left there would else keep the namespace, and itself, for ever.
[[noreturn]] void warden(int netns_fd, int socket_fd) {
  setsid();
  const int nothing = open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) // the test runner must not wait for our copy of its pipe
    dup2(nothing, fd);
  const int ns = fcntl(netns_fd, F_DUPFD, 100);
  const int sock = fcntl(socket_fd, F_DUPFD, ns + 1);
  close_range(3, static_cast<unsigned>(ns) - 1, 0);
  close_range(static_cast<unsigned>(ns) + 1, static_cast<unsigned>(sock) - 1, 0);
  close_range(static_cast<unsigned>(sock) + 1, ~0U, 0);
  char byte = 0;
  while (read(sock, &byte, 1) < 0 && errno == EINTR) {
  }
  for (int round = 0; round < 50; ++round) {
    const auto left = processes_in(ns);
    if (left.empty())
      break;
    for (const pid_t pid : left)
      kill(pid, SIGKILL);
    usleep(2000);
  }
  _exit(0);
}

// Twice forked, so that the warden is no child of the test: who kills the test with all its children spares it.
int start_warden(int netns_fd) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail("socketpair");
  const pid_t pid = fork();
  if (pid == 0) {
    if (fork() == 0)
      warden(netns_fd, ends[1]);
    _exit(0);
  }
  waitpid(pid, nullptr, 0);
  close(ends[1]);
  return ends[0];
}

// What fanctl keeps for a namespace is named by its inode, and the kernel uses a number again. The files are there when
// a fanctl was killed.
void remove_what_is_kept_for(std::uint64_t inode) {
  std::error_code ignored;
  for (const char* ending : {"", ".lock", ".try"})
    std::filesystem::remove_all(fmt::format("/run/fanctl/netns-{}{}", inode, ending), ignored);
}

} // namespace

Netns::Netns() : fd_(new_namespace()), warden_fd_(start_warden(fd_)) {
  remove_what_is_kept_for(inode()); // a test that was killed has removed nothing
}

Netns Netns::first_of_guest() {
  if (!in_first_namespace_of_guest())
    throw std::runtime_error("this is not the first network namespace of a guest machine");
  return Netns(own_namespace());
}

Netns::Netns(Netns&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), warden_fd_(std::exchange(other.warden_fd_, -1)) {}

Netns::~Netns() {
  if (warden_fd_ >= 0) {
    shutdown(warden_fd_, SHUT_WR);
    char byte = 0;
    (void)!read(warden_fd_, &byte, 1); // its end closes when it has killed
    close(warden_fd_);
  }
  if (fd_ >= 0) {
    remove_what_is_kept_for(inode());
    close(fd_);
  }
}

std::string Netns::path() const {
  return fmt::format("/proc/{}/fd/{}", getpid(), fd_);
}

std::uint64_t Netns::inode() const {
  struct stat s {};
  fstat(fd_, &s);
  return s.st_ino;
}

Outcome Netns::run(const Argv& argv, RunOptions options) const {
  options.netns = this;
  return test::run(argv, options);
}

std::string Netns::must(const Argv& argv, RunOptions options) const {
  options.netns = this;
  return test::must(argv, options);
}

void Netns::ip(const std::vector<std::string>& lines) const {
  RunOptions options;
  for (const auto& line : lines)
    options.input += line + "\n";
  must({"ip", "-batch", "-"}, options);
}

std::string Netns::sysctl(const std::string& key) const {
  const Inside here(*this);
  std::ifstream file("/proc/sys/" + key);
  std::string line;
  std::getline(file, line);
  return line;
}

void Netns::set_sysctl(const std::string& key, const std::string& value) const {
  const Inside here(*this);
  std::ofstream file("/proc/sys/" + key);
  file << value << std::flush;
  if (!file)
    ADD_FAILURE() << "cannot write " << value << " to " << key;
}

std::vector<pid_t> Netns::processes() const {
  return processes_in(fd_);
}

Inside::Inside(int netns_fd) : back_(own_namespace()) {
  if (setns(netns_fd, CLONE_NEWNET) != 0)
    fail("setns");
}

Inside::~Inside() {
  if (setns(back_, CLONE_NEWNET) != 0)
    abort();
  close(back_);
}

bool in_guest() {
  return std::getenv("FANCTL_GUEST") != nullptr;
}

bool in_first_namespace_of_guest() {
  std::ifstream file("/proc/cmdline");
  std::string line;
  std::getline(file, line);
  struct stat first {};
  struct stat own {};
  return in_guest() && line.find(" fanctl_job=/") != std::string::npos && stat("/proc/1/ns/net", &first) == 0 &&
         stat("/proc/thread-self/ns/net", &own) == 0 && first.st_ino == own.st_ino && first.st_dev == own.st_dev;
}

} // namespace fan::test
