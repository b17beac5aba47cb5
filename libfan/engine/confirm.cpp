#include "engine/confirm.h"

#include "core/render.h"
#include "engine/apply.h"
#include "engine/host.h"

namespace fan {
namespace {

// By what was known of the host when the plan was made, as the host may have changed since, at boot all the time: a
// default route that came meanwhile asks for more than was done, and is no reason to undo it. What has gone meanwhile,
// a port say, took its own with it, and is not missed.
Result<std::vector<Change>> what_is_left(Provider& provider, const Facts& facts, const std::vector<Fan>& fans) {
  auto left = plan_to(provider, facts, fans, fans);
  if (left && left->empty()) {
    return left;
  }
  auto host = look(provider);
  return host ? plan_to(provider, host->facts, host->fans, fans) : std::move(host).error();
}

} // namespace

Result<void> confirm(Provider& provider, const Facts& facts, const std::vector<Fan>& fans,
                     const std::vector<Change>& plan) {
  auto left = what_is_left(provider, facts, fans);
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

} // namespace fan
