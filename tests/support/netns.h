// Network namespaces of a test: nameless, held by a file descriptor, so that they cannot clash and nothing is left of
// them. May not touch the network namespace that the test was started in, unless it is a guest machine's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "support/process.h"

namespace fan::test {

// A network namespace with `lo` up. When the object goes, and also when the test is killed, every process in it is
// killed (by a warden: a small process that waits for the test's end), and the kernel removes the namespace. Needs
// root.
class Netns {
public:
  Netns();
  ~Netns();
  Netns(Netns&& other) noexcept;
  Netns& operator=(Netns&&) = delete;
  Netns(const Netns&) = delete;
  Netns& operator=(const Netns&) = delete;

  // The first network namespace of a guest machine, where the test was started: what only that one has can be tried
  // there. Nothing is killed when the object goes. Throws where in_first_namespace_of_guest() is false.
  static Netns first_of_guest();

  [[nodiscard]] int fd() const { return fd_; }
  // What `ip link set X netns PATH` and `nsenter --net=PATH` take while the test lives: "/proc/PID/fd/N".
  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::uint64_t inode() const;

  // run() and must() with this namespace as options.netns.
  Outcome run(const Argv& argv, RunOptions options = {}) const;
  std::string must(const Argv& argv, RunOptions options = {}) const; // NOLINT(modernize-use-nodiscard)
  // Several lines for `ip -batch`, as one process. A failing line is a test failure.
  void ip(const std::vector<std::string>& lines) const;

  // "net/ipv4/ip_forward" -> its text without the newline; empty when there is no such key.
  [[nodiscard]] std::string sysctl(const std::string& key) const;
  void set_sysctl(const std::string& key, const std::string& value) const;

  // Processes that are in this namespace now.
  [[nodiscard]] std::vector<pid_t> processes() const;

private:
  explicit Netns(int fd) : fd_(fd) {}

  int fd_ = -1;
  int warden_fd_ = -1; // closing it tells the warden to kill; it answers by closing its own end
};

// The calling thread is in `netns` for the object's life. /proc/sys/net and sockets follow; mounts of /sys do not.
class Inside {
public:
  explicit Inside(const Netns& netns) : Inside(netns.fd()) {}
  explicit Inside(int netns_fd);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

private:
  int back_;
};

// True in the guest machines that ./check boots to have other kernels.
bool in_guest();

// True where such a machine's own kernel says that it is one, by the command line with which tests/kernel/guest started
// it, and the calling thread is in its first network namespace. No variable of somebody's shell makes this true.
bool in_first_namespace_of_guest();

} // namespace fan::test
