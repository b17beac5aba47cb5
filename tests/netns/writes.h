// What a command writes, as strace sees it, its children included (nftables is spoken to in one): netlink, bpf, files,
// and programs that it starts.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "support/topology.h"

namespace fan::test {

inline constexpr const char* write_words[] = {"RTM_NEW",       "RTM_DEL",        "RTM_SET",        "NFT_MSG_NEW",
                                              "NFT_MSG_DEL",   "BPF_MAP_UPDATE", "BPF_MAP_DELETE", "BPF_MAP_CREATE",
                                              "BPF_PROG_LOAD", "execve",         "rename",         "O_WRONLY|O_CREAT"};

// The command line that runs `fanctl words` under strace. A program that it starts is one line, and not followed: a
// server would keep strace for as long as it runs.
inline Argv traced(const std::vector<std::string>& words) {
  Argv argv{"strace", "-f", "-b", "execve", "-qq", "-s", "64", "-e", "trace=sendmsg,sendto,bpf,rename,execve,openat"};
  if (const char* options = std::getenv("ASAN_OPTIONS")) { // a fanctl whose leaks are looked for, which strace prevents
    argv.insert(argv.end(), {"-E", "ASAN_OPTIONS=" + std::string(options) + ":detect_leaks=0"});
  }
  argv.push_back(fanctl_path());
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

// The writes among what strace said, a line of its for each.
inline std::vector<std::string> writes_in(const std::string& text) {
  std::istringstream trace(text);
  std::vector<std::string> writes;
  for (std::string line; std::getline(trace, line);) {
    const auto stands_in_line = [&](const char* word) { return line.find(word) != std::string::npos; };
    const bool itself = line.find("execve(\"" + fanctl_path()) != std::string::npos;
    if (!itself && std::any_of(std::begin(write_words), std::end(write_words), stands_in_line)) {
      writes.push_back(line);
    }
  }
  return writes;
}

// The writes that `fanctl words` does.
inline std::vector<std::string> writes_of(const Host& host, const std::vector<std::string>& words) {
  return writes_in(host.run(traced(words)).err);
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) {
    all += line + "\n";
  }
  return all;
}

} // namespace fan::test
