#include "inject/calls.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fan::test {
namespace {

struct Kind {
  const char* name;
  const char* error; // that the call fails with
};

constexpr Kind kinds[] = {
    {"sendto", "ENOBUFS"},  {"sendmsg", "ENOBUFS"},   {"recvfrom", "ENOBUFS"},
    {"recvmsg", "ENOBUFS"}, {"socket", "EMFILE"},     {"bind", "ENOMEM"},
    {"bpf", "ENOMEM"},      {"ioctl", "ENOMEM"},      {"openat", "EMFILE"},
    {"write", "ENOSPC"},    {"fsync", "EIO"},         {"rename", "EROFS"},
    {"unlink", "EROFS"},    {"mkdir", "ENOSPC"},      {"rmdir", "EROFS"},
    {"flock", "ENOLCK"},    {"clone3", "EAGAIN"},     {"clone", "EAGAIN"},
    {"vfork", "EAGAIN"},    {"pidfd_open", "EMFILE"}, {"pidfd_send_signal", "EPERM"},
    {"kill", "EPERM"},      {"setsid", "EPERM"},      {"pipe2", "EMFILE"},
    {"dup3", "EMFILE"},     {"getdents64", "EIO"},    {"memfd_create", "EMFILE"},
};

constexpr std::array write_words = {"RTM_NEW",       "RTM_DEL",        "RTM_SET",   "NFT_MSG_NEW",
                                    "NFT_MSG_DEL",   "BPF_MAP_UPDATE", "BPF_MAP_D", "BPF_MAP_CREATE",
                                    "BPF_PROG_LOAD", "O_CREAT",        "O_WRONLY",  "O_RDWR"};
constexpr std::array write_calls = {"sendmsg",
                                    "write",
                                    "fsync",
                                    "rename",
                                    "unlink",
                                    "mkdir",
                                    "rmdir",
                                    "flock",
                                    "clone3",
                                    "clone",
                                    "vfork",
                                    "setsid",
                                    "pidfd_send_signal",
                                    "kill",
                                    "pipe2"};
// So that all of ./check's part takes a minute or two.
constexpr unsigned every_write = 4;
constexpr unsigned every_read = 64;

class TraceFile {
public:
  TraceFile() {
    char name[] = "/tmp/fan-trace-XXXXXX";
    close(mkstemp(name));
    path_ = name;
  }
  ~TraceFile() { std::filesystem::remove(path_); }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

private:
  std::string path_;
};

// A child is let go of when it becomes another program: what that does is not ours, and it may run for ever.
Argv traced(const TraceFile& file, const std::string& set, const Argv& argv, const std::string& injection = "") {
  Argv all{"strace", "-f", "-b", "execve", "-qq", "-s", "64", "-o", file.path(), "-e", "trace=" + set};
  if (!injection.empty()) {
    all.insert(all.end(), {"-e", "inject=" + injection});
  }
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

std::string all_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds) {
    names.emplace_back(kind.name);
  }
  return fmt::format("{}", fmt::join(names, ","));
}

bool writes(const std::string& name, const std::string& text) {
  return std::find(write_calls.begin(), write_calls.end(), name) != write_calls.end() ||
         std::any_of(write_words.begin(), write_words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

bool receives(const std::string& name) {
  return name == "recvfrom" || name == "recvmsg";
}

std::string error_of_call(const std::string& name) {
  const auto* kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) { return name == k.name; });
  return kind == std::end(kinds) ? "EIO" : kind->error;
}

Injected run_with(const Netns& netns, const Argv& argv, const Call& call, const std::string& what,
                  const std::string& sign) {
  const TraceFile file;
  const std::string injection = fmt::format("{}:{}:when={}", call.name, what, call.nth);
  Injected run;
  run.outcome = netns.run(traced(file, call.name, argv, injection));
  const std::string trace = file.text();
  for (std::size_t at = trace.find(sign); at != std::string::npos; at = trace.find(sign, at + 1)) {
    ++run.times;
  }
  return run;
}

unsigned offset_of_today() {
  if (const char* given = std::getenv("FANCTL_INJECT_OFFSET")) {
    return static_cast<unsigned>(std::strtoul(given, nullptr, 10)) % every_read;
  }
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()).time_since_epoch().count();
  return static_cast<unsigned>(days) % every_read;
}

} // namespace

std::vector<Call> calls_of(const Netns& netns, const Argv& argv) {
  const TraceFile file;
  const Outcome outcome = netns.run(traced(file, all_names(), argv));
  std::istringstream trace(file.text());
  std::map<std::string, std::map<std::string, unsigned>> counts; // by process
  std::map<std::string, unsigned> seen;                          // by name: up to this one it is in `calls`
  std::vector<Call> calls;
  bool wrote = false;
  for (std::string pid, line; trace >> pid && std::getline(trace, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t end = line.find('(');
    if (end == std::string::npos || line.compare(begin, 4, "<...") == 0 || line.compare(begin, 3, "+++") == 0 ||
        line.compare(begin, 3, "---") == 0) {
      continue;
    }
    const std::string name = line.substr(begin, end - begin);
    const unsigned nth = ++counts[pid][name];
    if (nth <= seen[name]) {
      continue; // a child's, which the parent's of the same number stands for: both are hit
    }
    seen[name] = nth;
    const bool is_write = writes(name, line) || (wrote && receives(name));
    wrote = writes(name, line);
    calls.push_back({name, nth, is_write, line.substr(begin)});
  }
  if (!outcome.ok()) {
    calls.clear();
  }
  return calls;
}

Injected run_failing(const Netns& netns, const Argv& argv, const Call& call) {
  return run_with(netns, argv, call, "error=" + error_of_call(call.name), "(INJECTED)");
}

Injected run_killed(const Netns& netns, const Argv& argv, const Call& call) {
  return run_with(netns, argv, call, "signal=KILL", "+++ killed by SIGKILL +++");
}

Injected run_signalled(const Netns& netns, const Argv& argv, const Call& call, const std::string& signal) {
  return run_with(netns, argv, call, "signal=" + signal, "--- SIG" + signal);
}

std::vector<Call> selection(const std::vector<Call>& calls) {
  const char* wanted = std::getenv("FANCTL_INJECT");
  if (wanted != nullptr && std::string(wanted) == "all") {
    return calls;
  }
  std::vector<Call> chosen;
  if (wanted != nullptr && std::string(wanted) == "writes") {
    std::copy_if(calls.begin(), calls.end(), std::back_inserter(chosen), [](const Call& call) { return call.writes; });
    return chosen;
  }
  unsigned reads = offset_of_today();
  unsigned written = offset_of_today();
  for (const Call& call : calls) {
    if (call.writes ? ++written % every_write == 0 : ++reads % every_read == 0) {
      chosen.push_back(call);
    }
  }
  return chosen;
}

} // namespace fan::test
