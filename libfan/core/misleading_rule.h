// A rule of routing that leads packets of a fan elsewhere, and what helps. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/policy_probe.h"

namespace fan {

// A packet that was asked about, and where the kernel would send it.
struct MisledPacket {
  PolicyProbe probe;
  std::string way; // "default via 10.0.0.1 dev tun0 table 77"; "": nowhere
};

// One that misleads both inner packets and tunnel packets is two of these: what helps is not the same.
struct MisleadingRule {
  std::optional<PolicyRule> rule;    // nothing: no rule leads to table main
  std::string deletion;              // core/policy_rule.h
  std::vector<MisledPacket> packets; // one of each Bound; at least one
};

struct RuleAdvice {
  bool is_certain = false;           // these packets are lost; false: it depends on what is at the other end
  std::string what;                  // one line
  std::vector<std::string> evidence; // the rule, and a packet of each kind
  std::string consequence;
  std::string fix;     // one line for a root shell, "" when there is none
  std::string instead; // what to do where there is none
};

// A rule that is for the fan's packets alone is deleted; of one that is for others too, the fan's are excepted.
RuleAdvice advice_on(const MisleadingRule& misleading, const Fan& fan);

// For a person, in one line. What to do is what follows the last ": ".
std::string note_of(const RuleAdvice& advice);

} // namespace fan
