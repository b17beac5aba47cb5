#include <algorithm>

#include "core/firewall_obstacles.h"
#include "core/render.h"
#include "engine/apply.h"
#include "engine/host.h"
#include "engine/requests.h"
#include "engine/resolution.h"

namespace fan {
namespace {

Result<std::vector<Change>> what_is_left(Provider& provider, const std::vector<Fan>& fans) {
  auto host = look(provider);
  return host ? plan_to(provider, host->facts, host->fans, fans) : std::move(host).error();
}

// Nothing is claimed that the kernel has not confirmed: reads everything once more and expects no change to be left.
// Else, and when it cannot be read, all is undone.
Result<void> confirm(Provider& provider, const std::vector<Fan>& fans, const std::vector<Change>& plan) {
  auto left = what_is_left(provider, fans);
  if (!left) {
    return take_back(provider, plan, std::move(left).error().within("everything was done, but cannot be read back"));
  }
  if (!left->empty()) {
    Error error;
    error.kind = ErrorClass::host_state;
    error.message = "the kernel took every request, but this is not as asked: " + describe(left->front().object());
    error.hint = "all of it is undone; something else on this host may be changing it, or the kernel lacks memory";
    return take_back(provider, plan, std::move(error));
  }
  return {};
}

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
