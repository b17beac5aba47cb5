// The checks of `fanctl doctor`. Each is a function from what was seen of this host to findings; it changes nothing,
// and knows no kernel but through Evidence.
//
// To add one: a function in a file of its own, named after what it looks at; its line in checks.h and in the table of
// check.cpp, where its place is its place in the output; its row in docs/doctor.md (a test holds that table and the
// other together). What it has to look at and cannot reach yet becomes a function of Source, which
// fanctl/kernel_source.cpp fills from the room that is at home with it. Its test in tests/netns/doctor_*_test.cpp
// breaks exactly that, sees exactly that finding, runs the printed fix as it is, and sees the finding gone.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/facts.h"
#include "core/firewall_rules.h"
#include "doctor/finding.h"
#include "doctor/source.h"
#include "engine/provider.h"
#include "engine/requests.h"

namespace fan::doctor {

// What Docker's configuration says.
struct DockerSettings {
  bool installed = false;
  std::string bridge;    // `bridge`, "" when it is not set
  std::uint32_t mtu = 0; // `mtu`, 0 when it is not set
  // Of fans, by their bridges: which of Docker's address pools meets them, and what to do.
  std::map<std::string, std::string> meetings;
};

// Packets that were refused, by reason; and by whom most, "" when nobody is known.
struct Refusals {
  std::string reason;
  std::string meaning;
  std::uint64_t packets = 0;
  std::string whose;
};

struct Evidence {
  Facts facts;
  std::vector<FanStatus> fans;   // those that are asked for
  std::vector<Fan> all;          // every fan of this host
  bool complete = true;          // false: drift is not known
  std::vector<Error> unreadable; // of fans that are there, one each
  Result<firewall::Filters> filters;
  DockerSettings docker;
  Result<std::vector<Refusals>> refusals;
  Provider& provider; // for what a check asks about one fan: path_mtu(), overlapping_route(), endpoints()
  Source& source;
};

struct Check {
  std::string_view id;       // a word that stays
  std::string_view looks_at; // for `-v`: "packets of the fan in the filters of others"
  void (*run)(const Evidence& evidence, Findings& findings);
};

std::span<const Check> checks();

// All of them, in order.
Findings examine(const Evidence& evidence);

} // namespace fan::doctor
