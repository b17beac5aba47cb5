#include "inject/calls.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
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

// Unless execve(2) itself is asked for, a child is let go of when it becomes another program: what that does is not
// ours, and it may run for ever. Whoever runs the tests in the background has SIGINT ignored.
Argv traced(const TraceFile& file, const std::string& set, const Argv& argv, const std::string& injection = "") {
  Argv all{"env", "--default-signal=INT,TERM,HUP"};
  all.insert(all.end(), {"strace", "-f", "-qq", "-s", "64", "-o", file.path(), "-e", "trace=" + set});
  if (set != "execve") {
    all.insert(all.end(), {"-b", "execve"});
  }
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

// The word that begins with one of write_words; "" where none does.
std::string write_word(const std::string& text) {
  for (const char* word : write_words) {
    if (const std::size_t at = text.find(word); at != std::string::npos) {
      return text.substr(at, text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", at) - at);
    }
  }
  return {};
}

bool writes(const std::string& name, const std::string& text) {
  return std::find(write_calls.begin(), write_calls.end(), name) != write_calls.end() || !write_word(text).empty();
}

bool receives(const std::string& name) {
  return name == "recvfrom" || name == "recvmsg";
}

std::string error_of_call(const std::string& name) {
  const auto* kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) { return name == k.name; });
  return kind == std::end(kinds) ? "EIO" : kind->error;
}

// A line of a trace that begins a call: by which process, and which.
struct Line {
  std::string pid;
  std::string name;
  std::string text;
};

std::vector<Line> begun_in(const std::string& trace_text) {
  std::istringstream trace(trace_text);
  std::vector<Line> lines;
  for (std::string pid, line; trace >> pid && std::getline(trace, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t end = line.find('(');
    if (end == std::string::npos || line.compare(begin, 4, "<...") == 0 || line.compare(begin, 3, "+++") == 0 ||
        line.compare(begin, 3, "---") == 0) {
      continue;
    }
    lines.push_back({pid, line.substr(begin, end - begin), line.substr(begin)});
  }
  return lines;
}

Injected run_with(const Netns& netns, const Argv& argv, const Call& call, const std::string& what,
                  const std::function<std::size_t(const std::string& trace)>& times) {
  const TraceFile file;
  const std::string injection = fmt::format("{}:{}:when={}", call.name, what, call.nth);
  Injected run;
  run.outcome = netns.run(traced(file, call.name, argv, injection));
  run.times = times(file.text());
  return run;
}

std::function<std::size_t(const std::string&)> occurrences_of(const std::string& sign) {
  return [sign](const std::string& trace) {
    std::size_t times = 0;
    for (std::size_t at = trace.find(sign); at != std::string::npos; at = trace.find(sign, at + 1)) {
      ++times;
    }
    return times;
  };
}

// `count` of them at even distances, from another beginning every day.
std::vector<std::size_t> spread(const std::vector<std::size_t>& indices, std::size_t count) {
  if (count >= indices.size()) {
    return indices;
  }
  std::vector<std::size_t> taken;
  const std::size_t begin =
      selection_offset() * 7919 % indices.size(); // a prime: the days' parts lie far from each other
  for (std::size_t n = 0; n < count; ++n) {
    taken.push_back(indices[(begin + n * indices.size() / count) % indices.size()]);
  }
  return taken;
}

} // namespace

std::vector<Call> calls_of(const Netns& netns, const Argv& argv) {
  const TraceFile file;
  const Outcome outcome = netns.run(traced(file, all_names(), argv));
  std::map<std::string, std::map<std::string, unsigned>> counts; // by process
  std::map<std::string, unsigned> seen;                          // by name: up to this one it is in `calls`
  std::vector<Call> calls;
  bool wrote = false;
  for (const auto& [pid, name, text] : begun_in(file.text())) {
    const unsigned nth = ++counts[pid][name];
    if (nth <= seen[name]) {
      continue; // a child's, which the parent's of the same number stands for: both are hit
    }
    seen[name] = nth;
    const bool is_write = writes(name, text) || (wrote && receives(name));
    wrote = writes(name, text);
    const std::string word = write_word(text);
    calls.push_back({name, nth, is_write, word.empty() ? name : name + " " + word, text});
  }
  if (!outcome.ok()) {
    calls.clear();
  }
  return calls;
}

Injected run_failing(const Netns& netns, const Argv& argv, const Call& call) {
  return run_failing_with(error_of_call(call.name), netns, argv, call);
}

Injected run_failing_with(const std::string& error, const Netns& netns, const Argv& argv, const Call& call) {
  return run_with(netns, argv, call, "error=" + error, occurrences_of("(INJECTED)"));
}

Injected run_killed(const Netns& netns, const Argv& argv, const Call& call) {
  return run_with(netns, argv, call, "signal=KILL", occurrences_of("+++ killed by SIGKILL +++"));
}

Injected run_signalled(const Netns& netns, const Argv& argv, const Call& call, const std::string& signal) {
  // A signal that is held is not in the trace, but the call at which it came is.
  return run_with(netns, argv, call, "signal=" + signal, [&call](const std::string& trace) {
    std::map<std::string, unsigned> counts; // by process
    for (const Line& line : begun_in(trace)) {
      counts[line.pid] += line.name == call.name ? 1 : 0;
    }
    return static_cast<std::size_t>(
        std::count_if(counts.begin(), counts.end(), [&](const auto& one) { return one.second >= call.nth; }));
  });
}

std::size_t selection_offset() {
  if (const char* given = std::getenv("FANCTL_INJECT_OFFSET")) {
    return std::strtoul(given, nullptr, 10);
  }
  static const std::chrono::sys_days today = // of the whole run, also when it goes on past midnight
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  return static_cast<std::size_t>(today.time_since_epoch().count());
}

std::vector<Call> selection(const std::vector<Call>& calls, std::size_t most) {
  const char* wanted = std::getenv("FANCTL_INJECT");
  if (wanted != nullptr && std::string(wanted) == "all") {
    return calls;
  }
  std::vector<Call> chosen;
  if (wanted != nullptr && std::string(wanted) == "writes") {
    std::copy_if(calls.begin(), calls.end(), std::back_inserter(chosen), [](const Call& call) { return call.writes; });
    return chosen;
  }
  std::map<std::string, std::vector<std::size_t>> kinds; // of writes: where they are
  for (std::size_t n = 0; n < calls.size(); ++n) {
    if (calls[n].writes) {
      kinds[calls[n].kind].push_back(n);
    }
  }
  std::set<std::size_t> taken;
  for (const auto& [kind, places] : kinds) {
    taken.insert(places[selection_offset() % places.size()]);
  }
  std::vector<std::size_t> other_writes;
  std::vector<std::size_t> reads;
  for (std::size_t n = 0; n < calls.size(); ++n) {
    if (taken.count(n) == 0) {
      (calls[n].writes ? other_writes : reads).push_back(n);
    }
  }
  const std::size_t left = most > taken.size() ? most - taken.size() : 0;
  for (const std::vector<std::size_t>& more : {spread(other_writes, left - left / 4), spread(reads, left / 4)}) {
    taken.insert(more.begin(), more.end());
  }
  for (const std::size_t n : taken) {
    chosen.push_back(calls[n]);
  }
  return chosen;
}

std::optional<Call> counterpart(const Call& call, const std::vector<Call>& calls) {
  const Call* of_kind = nullptr;
  const Call* of_name = nullptr;
  for (const Call& one : calls) {
    if (one.name != call.name) {
      continue;
    }
    if (one.nth == call.nth) {
      return one;
    }
    of_name = &one;
    of_kind = one.kind == call.kind ? &one : of_kind;
  }
  const Call* found = of_kind != nullptr ? of_kind : of_name;
  return found == nullptr ? std::nullopt : std::optional(*found);
}

} // namespace fan::test
