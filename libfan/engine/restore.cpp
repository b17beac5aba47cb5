#include "engine/restore.h"

#include <algorithm>

#include "engine/apply.h"
#include "engine/host.h"

namespace fan {
namespace {

bool is_in_the_way(const Fan& fan, const std::vector<Fan>& before) {
  return std::any_of(before.begin(), before.end(), [&](const Fan& old) {
    return old.slice() == fan.slice() || old.bridge == fan.bridge ||
           (old.mapping != fan.mapping && old.mapping.overlay().overlaps(fan.mapping.overlay()));
  });
}

std::vector<Fan> fans_after(const std::vector<Fan>& now, const std::vector<Fan>& before) {
  std::vector<Fan> after = before;
  for (const Fan& fan : now) {
    if (!fan.spec.autostart && !is_in_the_way(fan, before)) {
      after.push_back(fan);
    }
  }
  return after;
}

// An endpoint that a fan lost with its bridge was lost by the trial.
Registry said_after(Registry now, const Registry& before) {
  now.endpoints.insert(before.endpoints.begin(), before.endpoints.end());
  now.secured.insert(before.secured.begin(), before.secured.end());
  now.routed.insert(before.routed.begin(), before.routed.end());
  now.unlearning.insert(before.unlearning.begin(), before.unlearning.end());
  now.quiet.insert(before.quiet.begin(), before.quiet.end());
  now.allowed.insert(before.allowed.begin(), before.allowed.end());
  now.selective.insert(before.selective.begin(), before.selective.end());
  now.receivers.insert(before.receivers.begin(), before.receivers.end());
  return now;
}

} // namespace

Result<std::vector<Change>> restore(Provider& provider, const Host& before) {
  auto host = look_to_change(provider);
  if (!host) {
    return std::move(host).error();
  }
  Facts after = host->facts;
  after.registry = said_after(std::move(after.registry), before.facts.registry);
  auto plan = plan_to(provider, host->facts, host->fans, after, fans_after(host->fans, before.fans));
  if (!plan || plan->empty()) {
    return plan;
  }
  if (auto applied = carry_out(provider, *plan); !applied) {
    return std::move(applied).error();
  }
  return plan;
}

} // namespace fan
