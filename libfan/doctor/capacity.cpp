// Tables and queues of the kernel that fill up.
#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "core/words.h"
#include "doctor/checks.h"
#include "doctor/lines.h"

namespace fan::doctor {
namespace {

constexpr std::uint64_t nearly_full = 90;   // percent
constexpr std::size_t ports_at_most = 1023; // BR_MAX_PORTS, net/bridge/br_private.h

bool is_nearly_full(std::uint64_t used, std::uint64_t most) {
  return most != 0 && used * 100 >= most * nearly_full;
}

// A number in /proc/sys. nullopt: no such key, which `unseen` tells where that is not what is to be expected.
std::optional<std::uint64_t> number(const Evidence& evidence, const std::string& key, Findings& findings) {
  const Result<std::optional<std::string>> text = evidence.source.text("/proc/sys/" + key);
  if (!text) {
    findings.unseen(text.error());
  }
  return text && *text ? std::optional<std::uint64_t>(std::strtoull((*text)->c_str(), nullptr, 10)) : std::nullopt;
}

// Of /proc/net/arp, which is about this network namespace: those that do not count towards the limit, as those of
// registered endpoints.
std::uint64_t permanent_neighbours(const std::string& table) {
  constexpr unsigned long permanent = 0x04; // ATF_PERM, <net/if_arp.h>
  std::istringstream lines(table);
  std::uint64_t count = 0;
  std::string line;
  std::getline(lines, line); // the headings
  while (std::getline(lines, line)) {
    const std::vector<std::string> words = split_words(line); // address, type, flags
    count += words.size() > 2 && (std::strtoul(words[2].c_str(), nullptr, 16) & permanent) != 0 ? 1 : 0;
  }
  return count;
}

// Of /proc/net/stat/arp_cache: the entries of all network namespaces, those of containers among them. Below the
// headings it is the first number of each line, in hexadecimal.
std::uint64_t neighbours_of_machine(const std::string& statistics) {
  const std::size_t first_line = statistics.find('\n');
  return first_line == std::string::npos ? 0 : std::strtoull(statistics.c_str() + first_line, nullptr, 16);
}

} // namespace

void check_conntrack(const Evidence& evidence, Findings& findings) {
  const auto count = number(evidence, "net/netfilter/nf_conntrack_count", findings);
  const auto most = number(evidence, "net/netfilter/nf_conntrack_max", findings);
  if (!count || !most || !is_nearly_full(*count, *most)) {
    return; // without the keys nothing is tracked
  }
  Finding finding;
  finding.severity = Severity::warning;
  finding.what = "the table of connections is nearly full";
  finding.evidence = {fmt::format("nf_conntrack_count = {}, nf_conntrack_max = {}", *count, *most)};
  finding.consequence =
      "when it is full, new connections of endpoints to the world are dropped; tunnel packets are not "
      "tracked, and pass";
  finding.fix = sysctl_line("net/netfilter/nf_conntrack_max", std::to_string(*most * 4));
  findings.add(std::move(finding));
}

void check_neighbours(const Evidence& evidence, Findings& findings) {
  const auto most = number(evidence, "net/ipv4/neigh/default/gc_thresh3", findings);
  if (!most) {
    findings.unseen("the limit of neighbours is the machine's, and told in its first network namespace only");
    return;
  }
  const Result<std::optional<std::string>> table = evidence.source.text("/proc/net/arp");
  const Result<std::optional<std::string>> statistics = evidence.source.text("/proc/net/stat/arp_cache");
  for (const auto* file : {&table, &statistics}) {
    if (!*file || !**file) {
      findings.unseen(*file ? "the kernel does not say how many neighbours there are" : file->error().message);
      return;
    }
  }
  const std::uint64_t permanent = permanent_neighbours(**table);
  const std::uint64_t all = neighbours_of_machine(**statistics);
  const std::uint64_t used = all - std::min(all, permanent);
  if (!is_nearly_full(used, *most)) {
    return;
  }
  Finding finding;
  finding.severity = Severity::warning;
  finding.what = "the table of neighbours is nearly full";
  finding.evidence = {
      fmt::format("{} entries of all network namespaces (/proc/net/stat/arp_cache), {} of them permanent "
                  "here; gc_thresh3 = {}",
                  all, permanent, *most)};
  finding.consequence = "it is one for the whole machine: when it is full, endpoints that were not spoken to before "
                        "cannot be reached";
  finding.fix = sysctl_line("net/ipv4/neigh/default/gc_thresh3", std::to_string(*most * 4));
  findings.add(std::move(finding));
}

namespace {

void check_number_of_ports(const FanStatus& status, Findings& findings) {
  if (!is_nearly_full(status.ports.size(), ports_at_most)) {
    return;
  }
  Finding finding;
  finding.severity = Severity::warning;
  finding.subject = status.fan.bridge;
  finding.what = "the bridge has nearly as many ports as a bridge can have";
  finding.evidence = {fmt::format("{} ports of {}", status.ports.size(), ports_at_most)};
  finding.consequence = "no more can be attached then: `ip link set master` says Exchange full";
  finding.instead = "let further ones be routed (fanctl endpoint add --routed), or spread them over more hosts";
  findings.add(std::move(finding));
}

// A broadcast is copied to every port at once, and each copy to a veth waits in the backlog of one CPU.
void check_backlog(const FanStatus& status, std::uint64_t backlog, Findings& findings) {
  if (status.ports.size() <= backlog) {
    return;
  }
  Finding finding;
  finding.severity = Severity::warning;
  finding.subject = status.fan.bridge;
  finding.what = "one broadcast on this bridge is more packets than the kernel's backlog holds";
  finding.evidence = {fmt::format("{} ports, net/core/netdev_max_backlog = {}", status.ports.size(), backlog)};
  finding.consequence = "ARP and DHCP requests are lost for some of the endpoints, and other packets with them";
  finding.fix = sysctl_line("net/core/netdev_max_backlog", std::to_string(status.ports.size() * 4));
  findings.add(std::move(finding));
}

} // namespace

void check_ports(const Evidence& evidence, Findings& findings) {
  const auto backlog = number(evidence, "net/core/netdev_max_backlog", findings);
  if (!backlog) {
    findings.unseen("net/core/netdev_max_backlog is told in the machine's first network namespace only");
  }
  for (const FanStatus& status : evidence.fans) {
    check_number_of_ports(status, findings);
    if (backlog) {
      check_backlog(status, *backlog, findings);
    }
  }
}

} // namespace fan::doctor
