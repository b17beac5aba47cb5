#include "support/snapshot.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>

#include <fmt/format.h>

namespace fan::test {
namespace {

namespace fs = std::filesystem;

// Words of iproute2's output that change without anybody changing anything; and ids of programs, which are never the
// same twice.
std::string steady(const std::string& line) {
  static const std::regex timers(
      "[a-z_]+_timer +[0-9.]+ ?|(expires|valid_lft|preferred_lft|age|used|fdb_n_learned) +[^ ]+ ?|"
      "(tentative|dadfailed|optimistic) ?|NO-CARRIER,|,LOWER_UP|state (UP|DOWN|UNKNOWN|LOWERLAYERDOWN) |linkdown ?|"
      "^[0-9]+: |jited_len [0-9]+ ?");
  static const std::regex program("(not_in_hw|direct-action) id [0-9]+ ");
  std::string result = std::regex_replace(std::regex_replace(line, timers, ""), program, "$1 ");
  result.erase(result.find_last_not_of(" \n") + 1);
  return result;
}

void add_output(std::vector<std::string>& lines, const Netns& netns, const std::string& label, const Argv& argv) {
  const Outcome outcome = netns.run(argv);
  std::istringstream text(outcome.ok() ? outcome.out : "status " + std::to_string(outcome.status) + " " + outcome.err);
  for (std::string line; std::getline(text, line);)
    if (auto kept = steady(line); !kept.empty())
      lines.push_back(label + ": " + kept);
}

std::vector<std::string> devices(const Netns& netns) {
  std::istringstream text(netns.run({"ip", "-br", "link"}).out);
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);)
    names.push_back(line.substr(0, line.find_first_of(" @")));
  return names;
}

void add_filters(std::vector<std::string>& lines, const Netns& netns) {
  // Only devices with a qdisc that can carry filters: starting a program is dear in a guest.
  const std::string qdiscs = netns.run({"tc", "qdisc", "show"}).out;
  for (const auto& device : devices(netns)) {
    if (qdiscs.find("dev " + device + " ") == std::string::npos)
      continue;
    for (const char* where : {"root", "ingress", "egress"})
      if (const Argv argv{"tc", "filter", "show", "dev", device, where}; netns.run(argv).ok())
        add_output(lines, netns, "filter " + device + " " + where, argv);
  }
}

bool volatile_sysctl(const std::string& key) {
  static const std::set<std::string> keys{"net/netfilter/nf_conntrack_count", "net/ipv6/route/flush",
                                          "net/ipv4/route/flush",
                                          "net/ipv4/tcp_fastopen_key"}; // made at the first listen()
  return keys.contains(key) || key.ends_with("/stable_secret");         // that one cannot be read before it was set
}

void add_sysctls(std::vector<std::string>& lines, const Netns& netns) {
  const Inside here(netns);
  std::error_code ignored;
  for (fs::recursive_directory_iterator at("/proc/sys/net", ignored), end; at != end; at.increment(ignored)) {
    const std::string key = at->path().string().substr(sizeof "/proc/sys/" - 1);
    if (at->is_directory(ignored) || volatile_sysctl(key))
      continue;
    std::ifstream file(at->path());
    std::string value{std::istreambuf_iterator<char>(file), {}};
    std::replace(value.begin(), value.end(), '\n', ' ');
    lines.push_back("sysctl: " + key + " = " + value);
  }
}

void add_processes(std::vector<std::string>& lines, const Netns& netns) {
  for (const pid_t pid : netns.processes()) {
    std::ifstream file(fmt::format("/proc/{}/cmdline", pid));
    std::string words{std::istreambuf_iterator<char>(file), {}};
    std::replace(words.begin(), words.end(), '\0', ' ');
    if (!words.empty()) // the kernel's own threads, all in the first namespace, come and go
      lines.push_back("process: " + words);
  }
}

// /run/fanctl/netns-INODE, a folder, and the files netns-INODE.lock and netns-INODE.try belong to one namespace.
bool of_another_namespace(const std::string& path, const Netns& netns) {
  const auto at = path.find("/netns-");
  if (at == std::string::npos)
    return false;
  const auto begin = at + sizeof "/netns-" - 1;
  return path.substr(begin, path.find_first_not_of("0123456789", begin) - begin) != std::to_string(netns.inode());
}

void add_files(std::vector<std::string>& lines, const Netns& netns) {
  std::error_code ignored;
  for (const char* root : {"/run/fanctl", "/var/lib/fanctl"})
    for (fs::recursive_directory_iterator at(root, ignored), end; at != end; at.increment(ignored))
      if (!of_another_namespace(at->path(), netns))
        lines.push_back("file: " + at->path().string());
}

int bpf_call(int command, bpf_attr& attr) {
  return static_cast<int>(syscall(SYS_bpf, command, &attr, sizeof attr));
}

template <class Info>
std::string name_of(int by_id, std::uint32_t id) {
  bpf_attr attr{};
  attr.map_id = id; // a union: prog_id is the same
  const int fd = bpf_call(by_id, attr);
  if (fd < 0)
    return {};
  Info info{};
  bpf_attr get{};
  get.info.bpf_fd = static_cast<std::uint32_t>(fd);
  get.info.info_len = sizeof info;
  get.info.info = reinterpret_cast<std::uintptr_t>(&info);
  const bool ok = bpf_call(BPF_OBJ_GET_INFO_BY_FD, get) == 0;
  close(fd);
  return ok ? std::string(info.name, strnlen(info.name, sizeof info.name)) : std::string();
}

template <class Info>
void add_bpf(std::set<std::string>& found, const char* kind, int next_id, int by_id, const std::string& prefix) {
  bpf_attr attr{};
  while (bpf_call(next_id, attr) == 0) {
    const std::uint32_t id = attr.next_id;
    if (const std::string name = name_of<Info>(by_id, id); name.starts_with(prefix))
      found.insert(fmt::format("{} {} {}", kind, id, name));
    attr = {};
    attr.start_id = id;
  }
}

std::multiset<std::string> as_set(const Snapshot& s) {
  return {s.lines.begin(), s.lines.end()};
}

} // namespace

Snapshot snapshot(const Netns& netns) {
  Snapshot result;
  auto& lines = result.lines;
  add_output(lines, netns, "link", {"ip", "-d", "-o", "link", "show"});
  add_output(lines, netns, "address", {"ip", "-o", "addr", "show"});
  for (const char* family : {"-4", "-6"}) {
    // NOARP ones come and go by themselves: they are groups that the kernel joined.
    add_output(lines, netns, "neighbour", {"ip", family, "neigh", "show", "nud", "permanent"});
    add_output(lines, netns, "rule", {"ip", family, "rule", "show"});
    add_output(lines, netns, "route", {"ip", family, "-d", "route", "show", "table", "all"});
  }
  add_output(lines, netns, "proxy", {"ip", "neigh", "show", "proxy"});
  add_output(lines, netns, "nexthop", {"ip", "nexthop", "show"});
  add_output(lines, netns, "fdb", {"bridge", "fdb", "show"});
  add_output(lines, netns, "qdisc", {"tc", "qdisc", "show"});
  add_filters(lines, netns);
  add_output(lines, netns, "nft", {"nft", "-s", "list", "ruleset"});
  add_sysctls(lines, netns);
  add_processes(lines, netns);
  add_files(lines, netns);
  return result;
}

Snapshot quick_snapshot(const Netns& netns) {
  Snapshot result;
  auto& lines = result.lines;
  add_output(lines, netns, "link", {"ip", "-d", "-o", "link", "show"});
  add_output(lines, netns, "address", {"ip", "-4", "-o", "addr", "show"});
  add_output(lines, netns, "neighbour", {"ip", "-4", "neigh", "show", "nud", "permanent"});
  add_output(lines, netns, "route", {"ip", "-4", "-d", "route", "show", "table", "all"});
  add_output(lines, netns, "qdisc", {"tc", "qdisc", "show"});
  add_output(lines, netns, "nft", {"nft", "-s", "list", "ruleset"});
  lines.push_back("sysctl: eth0 " + netns.sysctl("net/ipv4/conf/eth0/forwarding"));
  add_processes(lines, netns);
  return result;
}

std::string difference(const Snapshot& before, const Snapshot& after) {
  const auto a = as_set(before);
  const auto b = as_set(after);
  std::vector<std::string> gone;
  std::vector<std::string> come;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(gone));
  std::set_difference(b.begin(), b.end(), a.begin(), a.end(), std::back_inserter(come));
  std::string result;
  for (const auto& line : gone)
    result += "- " + line + "\n";
  for (const auto& line : come)
    result += "+ " + line + "\n";
  return result;
}

std::set<std::string> bpf_objects(const std::string& prefix) {
  std::set<std::string> found;
  add_bpf<bpf_prog_info>(found, "prog", BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, prefix);
  add_bpf<bpf_map_info>(found, "map", BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, prefix);
  return found;
}

std::set<std::string> bpf_leftovers(const std::set<std::string>& before, std::chrono::seconds patience) {
  const auto minus = [](const std::set<std::string>& a, const std::set<std::string>& b) {
    std::set<std::string> result;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(result, result.end()));
    return result;
  };
  std::set<std::string> suspects = minus(bpf_objects(), before);
  (void)eventually(
      [&] {
        const auto now = bpf_objects();
        std::erase_if(suspects, [&](const auto& object) { return !now.contains(object); });
        return suspects.empty();
      },
      patience);
  return suspects;
}

} // namespace fan::test
