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

} // namespace

Result<std::vector<Change>> restore(Provider& provider, const std::vector<Fan>& before) {
  auto host = look(provider);
  if (!host) {
    return std::move(host).error();
  }
  auto plan = plan_to(provider, host->facts, host->fans, fans_after(host->fans, before));
  if (!plan || plan->empty()) {
    return plan;
  }
  if (auto applied = carry_out(provider, *plan); !applied) {
    return std::move(applied).error();
  }
  return plan;
}

} // namespace fan
