#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/names.h"
#include "engine/apply.h"
#include "engine/fan_selection.h"
#include "engine/host.h"
#include "engine/requests.h"
#include "engine/shares.h"

namespace fan {
namespace {

std::vector<Fan> select(const Selector& which, const Host& host) {
  if (which.spec || which.name) {
    return fans_named({which.name, which.spec}, host.fans, host.facts);
  }
  std::vector<Fan> selected;
  for (const Fan& fan : host.fans) {
    const bool all =
        which.all == Selector::All::every || (which.all == Selector::All::configured && fan.spec.autostart);
    if (all) {
      selected.push_back(fan);
    }
  }
  return selected;
}

constexpr const char* not_yet = "stop what uses them, or repeat with --force, which leaves them without a bridge";

// Takes the fans that are in use out of those to go down.
void leave_used(Outcome& outcome, const Facts& facts) {
  std::erase_if(outcome.fans, [&](const Fan& fan) {
    const std::vector<std::string> ports = users_of(facts, fan);
    if (!ports.empty()) {
      outcome.failures.push_back(still_used(fan, ports, not_yet));
    }
    return !ports.empty();
  });
}

// A bridge that lost our sign may be anybody's by now.
void note_left_bridges(const Facts& facts, Outcome& outcome) {
  for (const Fan& fan : outcome.fans) {
    const std::string key = key_of(Bridge{fan.bridge, {}, 0, ""});
    const bool goes = std::any_of(outcome.plan.begin(), outcome.plan.end(),
                                  [&](const Change& change) { return !change.after && key_of(*change.before) == key; });
    if (!goes && !fan.spec.reach && facts.link(fan.bridge) != nullptr) {
      outcome.notes.push_back(
          fmt::format("{0} is left, as its link group or MAC address is not fanctl's; if nobody needs "
                      "it: ip link del {0}",
                      fan.bridge));
    }
  }
}

bool has_lost_its_sign(const Facts& facts, const std::string& device) {
  const LinkFact* link = facts.link(device);
  return link != nullptr && !is_ours(*link);
}

// A fan that stays is left as it is where a device of it has lost our sign: whoever takes another one down, at shutdown
// say, is not asked to put that right first.
bool is_to_be_left(const Facts& facts, const Fan& fan) {
  const auto lost_a_tunnel = [&](Encapsulation e) {
    return fan.accepts(e) && has_lost_its_sign(facts, tunnel_name(e, fan.port()));
  };
  return lost_a_tunnel(Encapsulation::ipip) || lost_a_tunnel(Encapsulation::vxlan) ||
         (!fan.spec.reach && has_lost_its_sign(facts, fan.bridge));
}

Result<std::vector<Change>> plan_without(Provider& provider, const Host& host, const std::vector<Fan>& gone) {
  std::vector<Fan> before;
  std::vector<Fan> after;
  for (Fan fan : host.fans) {
    const bool goes = std::find(gone.begin(), gone.end(), fan) != gone.end();
    fan.in_part = fan.in_part || (!goes && is_to_be_left(host.facts, fan));
    before.push_back(fan);
    if (!goes) {
      after.push_back(std::move(fan));
    }
  }
  return plan_to(provider, host.facts, before, after);
}

} // namespace

Result<Outcome> down(Provider& provider, const Selector& which, const RequestOptions& options) {
  auto host = look_to_change(provider);
  if (!host) {
    return std::move(host).error();
  }
  Outcome outcome;
  outcome.fans = select(which, *host);
  if (outcome.fans.empty() && which.all == Selector::All::none) {
    return no_such_fan(host->fans);
  }
  if (!options.force) {
    leave_used(outcome, host->facts);
  }
  if (!outcome.failures.empty() && which.all == Selector::All::none) {
    return outcome.failures.front();
  }
  auto plan = plan_without(provider, *host, outcome.fans);
  if (!plan) {
    return std::move(plan).error();
  }
  outcome.plan = std::move(plan).value();
  note_left_bridges(host->facts, outcome);
  if (options.dry_run || outcome.plan.empty()) {
    return outcome;
  }
  if (auto applied = carry_out(provider, outcome.plan); !applied) {
    return std::move(applied).error();
  }
  return outcome;
}

Result<std::vector<Outcome>> down(Provider& provider, std::span<const Fan> fans, const RequestOptions& options) {
  auto host = look_to_change(provider);
  if (!host) {
    return std::move(host).error();
  }
  std::vector<Outcome> outcomes;
  std::vector<Fan> gone;
  for (const Fan& fan : fans) {
    Outcome& outcome = outcomes.emplace_back(Outcome{{fan}, {}, {}, {}});
    if (!options.force) {
      leave_used(outcome, host->facts);
    }
    gone.insert(gone.end(), outcome.fans.begin(), outcome.fans.end());
  }
  auto plan = plan_without(provider, *host, gone);
  if (!plan) {
    return std::move(plan).error();
  }
  if (!options.dry_run && !plan->empty()) {
    if (auto applied = carry_out(provider, *plan); !applied) {
      return std::move(applied).error();
    }
  }
  std::vector<Party> parties;
  for (const Outcome& outcome : outcomes) {
    parties.push_back({{}, outcome.fans});
  }
  const Builds builds{provider.program_build(), provider.ruleset_version()};
  std::vector<std::vector<Change>> shares = shares_of(std::move(plan).value(), parties, host->facts, builds);
  for (std::size_t n = 0; n < outcomes.size(); ++n) {
    outcomes[n].plan = std::move(shares[n]);
    note_left_bridges(host->facts, outcomes[n]);
  }
  return outcomes;
}

} // namespace fan
