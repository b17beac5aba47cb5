#include <algorithm>

#include "core/firewall_obstacles.h"
#include "engine/apply.h"
#include "engine/confirm.h"
#include "engine/host.h"
#include "engine/requests.h"
#include "engine/resolution.h"

namespace fan {
namespace {

// The fans that the request may not change are as they were, but for what all fans share.
Result<void> check_kept(const std::vector<Fan>& keep, const std::vector<Fan>& after) {
  for (const Fan& kept : keep) {
    const bool stays = std::any_of(after.begin(), after.end(), [&](const Fan& fan) {
      return fan.spec == kept.spec && fan.bridge == kept.bridge && fan.slice() == kept.slice();
    });
    if (!stays) {
      Error error;
      error.kind = ErrorClass::host_state;
      error.message = kept.spec.autostart ? kept.bridge + " comes from " + kept.spec.origin
                                          : kept.bridge + " was brought up by hand, so it is left as it is";
      error.hint = kept.spec.autostart ? "name the fan in one file only"
                                       : "run `fanctl down " + kept.bridge + "` first, or leave it out of the file";
      return error;
    }
  }
  return {};
}

// What a person who asks for the shortcut has to know.
void note_shortcuts(Outcome& outcome) {
  for (const Fan& fan : outcome.fans) {
    if (fan.spec.shortcut) {
      outcome.notes.push_back("shortcut: no firewall rule, counter, connection tracking or DNAT of this host sees what "
                              "endpoints of " +
                              fan.slice().str() + " and of other hosts say to each other");
    }
  }
}

// Somebody else's firewall may stand in the way of all this. That is said, never a failure: it may be on purpose.
void note_obstacles(Provider& provider, const Facts& facts, Outcome& outcome) {
  const auto filters = provider.filters();
  if (!filters) {
    outcome.notes.push_back("cannot tell whether another firewall on this host is in the way: " +
                            filters.error().message);
    return;
  }
  for (const Fan& fan : outcome.fans) {
    for (const firewall::Obstacle& obstacle : firewall::obstacles_of(fan, facts.default_device, *filters)) {
      const std::string note = firewall::note_of(obstacle);
      if (std::find(outcome.notes.begin(), outcome.notes.end(), note) == outcome.notes.end()) {
        outcome.notes.push_back(note);
      }
    }
  }
}

} // namespace

Result<Outcome> up(Provider& provider, const FanSpec& spec, const RequestOptions& options) {
  Outcome outcome;
  if (spec.off) {
    return outcome;
  }
  auto host = look(provider);
  if (!host) {
    return std::move(host).error();
  }
  auto resolution = resolve(provider, spec, *host, options.instead_of);
  if (!resolution) {
    return std::move(resolution).error();
  }
  if (auto kept = check_kept(options.keep, resolution->after); !kept) {
    return std::move(kept).error();
  }
  auto plan = plan_to(provider, host->facts, host->fans, resolution->after);
  if (!plan) {
    return std::move(plan).error();
  }
  outcome.fans = std::move(resolution->asked);
  outcome.notes = std::move(resolution->notes);
  outcome.plan = std::move(plan).value();
  note_shortcuts(outcome);
  note_obstacles(provider, host->facts, outcome);
  if (options.dry_run || outcome.plan.empty()) {
    return outcome;
  }
  if (auto applied = carry_out(provider, outcome.plan); !applied) {
    return std::move(applied).error();
  }
  if (auto confirmed = confirm(provider, resolution->after, outcome.plan); !confirmed) {
    return std::move(confirmed).error();
  }
  return outcome;
}

} // namespace fan
