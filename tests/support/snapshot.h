// The whole network state of a namespace as text, for comparing before and after.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "support/netns.h"

namespace fan::test {

struct Snapshot {
  // One line a fact: links, addresses, permanent neighbours and FDB entries, rules, all routing tables, qdiscs,
  // filters, the nft ruleset, every sysctl under net, processes, files under /run/fanctl and /var/lib/fanctl (those of
  // other namespaces of this machine apart). What changes by itself (timers, lifetimes, counters, dynamic neighbours)
  // is left out.
  std::vector<std::string> lines;
};

Snapshot snapshot(const Netns& netns);
// What of it a fan is likeliest to leave behind, in few processes: for tests that look after each of many steps.
Snapshot quick_snapshot(const Netns& netns);

// The lines that only one of the two has, with "-" (before) or "+" (after) in front; empty when they are equal.
std::string difference(const Snapshot& before, const Snapshot& after);

// BPF programs and maps of the whole machine whose name begins with `prefix`, as "prog 17 fan_iv_1a2b3c4d". Other tests
// may load theirs at the same time, so nothing can be said of the whole set; see bpf_leftovers.
std::set<std::string> bpf_objects(const std::string& prefix = "fan_");

// Those which are there now, were not there `before`, and stay although `patience` passes (ids are never used twice, so
// what belongs to another running test goes away by itself). Empty: nothing was left.
std::set<std::string> bpf_leftovers(const std::set<std::string>& before,
                                    std::chrono::seconds patience = std::chrono::seconds(60));

} // namespace fan::test
