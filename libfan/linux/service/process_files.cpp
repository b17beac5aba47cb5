#include "linux/service/process_files.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/errors.h"

namespace fan::service {
namespace {

constexpr int term_patience_ms = 3000;
constexpr int kill_patience_ms = 30000; // a machine that is busy takes its time to close what the process had

// glibc 2.36 has these two as functions, but not in a header that C++ can include.
Descriptor open_pidfd(pid_t pid) {
  return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}
int send_signal(const Descriptor& handle, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0));
}

bool ended_within(const Descriptor& handle, int milliseconds) {
  pollfd waiting{handle.get(), POLLIN, 0};
  return poll(&waiting, 1, milliseconds) == 1;
}

std::string link_text(const std::string& path) {
  char text[4096];
  const ssize_t length = readlink(path.c_str(), text, sizeof text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

// Not that the process has gone, but that there is no looking at it now. Believing it gone would leave it running.
void note_trouble(int& trouble) {
  if (errno != ESRCH && errno != ENOENT && errno != EACCES && errno != EPERM && errno != EINVAL) {
    trouble = errno;
  }
}

std::string file_text(const std::string& path, int& trouble) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) {
    note_trouble(trouble);
  }
  std::string text;
  char part[4096];
  ssize_t length = 0;
  while (file.open() && (length = read(file.get(), part, sizeof part)) > 0) {
    text.append(part, static_cast<std::size_t>(length));
  }
  return text;
}

// "/usr/sbin/dnsmasq", or the same with " (deleted)" after an upgrade of the package.
bool runs(const std::string& folder, const std::string& name) {
  std::string path = link_text(folder + "/exe");
  constexpr std::string_view deleted = " (deleted)";
  if (path.size() > deleted.size() && path.compare(path.size() - deleted.size(), deleted.size(), deleted) == 0) {
    path.resize(path.size() - deleted.size());
  }
  return path.substr(path.rfind('/') + 1) == name;
}

// The number that stands after `name` in /proc/PID/status; 0 when it is not there. A process's own name comes first in
// it, but never with a line break.
std::uint64_t number_in(const std::string& status, const std::string& name, int base) {
  const std::size_t at = status.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + name.size() + 2, nullptr, base);
}

bool shares(const std::string& folder, const char* name_space) {
  const std::string mine = link_text(std::string("/proc/thread-self/ns/") + name_space);
  return !mine.empty() && link_text(folder + "/ns/" + name_space) == mine;
}

std::vector<std::string> split_arguments(const std::string& text) {
  std::vector<std::string> argv;
  for (std::size_t at = 0; at < text.size();) {
    argv.emplace_back(text.c_str() + at);
    at += argv.back().size() + 1;
  }
  return argv;
}

std::optional<Process> read_process(pid_t pid, const std::string& name, int& trouble) {
  const std::string folder = "/proc/" + std::to_string(pid);
  if (!runs(folder, name)) {
    return std::nullopt;
  }
  Process process{.pid = pid, .handle = open_pidfd(pid)};
  if (!process.handle.open()) {
    note_trouble(trouble);
    return std::nullopt;
  }
  const std::string status = file_text(folder + "/status", trouble);
  const bool has_net_admin = (number_in(status, "CapEff", 16) >> CAP_NET_ADMIN & 1U) != 0;
  if (!runs(folder, name) || !shares(folder, "net") || !shares(folder, "user") || !has_net_admin) {
    return std::nullopt;
  }
  process.parent = static_cast<pid_t>(number_in(status, "PPid", 10));
  process.argv = split_arguments(file_text(folder + "/cmdline", trouble));
  const bool alive = !ended_within(process.handle, 0);
  return alive && !process.argv.empty() ? std::optional<Process>(std::move(process)) : std::nullopt;
}

Error unreadable(int number) {
  Error error = make_error(ErrorClass::kernel, std::string("the processes cannot be read: ") + strerror(number));
  error.sys_errno = number;
  return error;
}

Result<std::vector<pid_t>> all_processes() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
  if (!folder) {
    return unreadable(errno);
  }
  std::vector<pid_t> pids;
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr == name.data() + name.size()) {
      pids.push_back(pid);
    }
    errno = 0;
  }
  return errno == 0 ? Result<std::vector<pid_t>>(std::move(pids)) : unreadable(errno);
}

bool is_hidden(const std::string& folder) {
  char unused = 0;
  return readlink((folder + "/exe").c_str(), &unused, 1) < 0 && (errno == EACCES || errno == EPERM);
}

} // namespace

Result<std::vector<Process>> processes_of(const std::string& name) {
  const Result<std::vector<pid_t>> pids = all_processes();
  if (!pids) {
    return pids.error();
  }
  int trouble = 0;
  std::vector<Process> found;
  for (const pid_t pid : *pids) {
    if (std::optional<Process> process = read_process(pid, name, trouble)) {
      found.push_back(std::move(*process));
    }
  }
  return trouble == 0 ? Result<std::vector<Process>>(std::move(found)) : unreadable(trouble);
}

Result<std::vector<HiddenProcess>> hidden_processes() {
  const Result<std::vector<pid_t>> pids = all_processes();
  if (!pids) {
    return pids.error();
  }
  int trouble = 0;
  std::vector<HiddenProcess> hidden;
  for (const pid_t pid : *pids) {
    const std::string folder = "/proc/" + std::to_string(pid);
    if (is_hidden(folder)) {
      hidden.push_back({pid, split_arguments(file_text(folder + "/cmdline", trouble))});
    }
  }
  return trouble == 0 ? Result<std::vector<HiddenProcess>>(std::move(hidden)) : unreadable(trouble);
}

Result<void> stop(const Process& process) {
  for (const auto& [signal, patience] : {std::pair{SIGTERM, term_patience_ms}, std::pair{SIGKILL, kill_patience_ms}}) {
    const bool refused = send_signal(process.handle, signal) != 0 && errno == EPERM;
    if (ended_within(process.handle, refused ? 0 : patience)) {
      return {};
    }
    if (refused) {
      return make_error(ErrorClass::privilege, fmt::format("process {} may not be ended", process.pid),
                        "this takes CAP_KILL: it runs as another user");
    }
  }
  return make_error(ErrorClass::kernel, fmt::format("process {} does not end", process.pid),
                    "look at /proc/PID/stack: a process that SIGKILL does not end waits for the kernel");
}

} // namespace fan::service
