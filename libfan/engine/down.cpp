#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/resolve.h"
#include "engine/apply.h"
#include "engine/host.h"
#include "engine/requests.h"

namespace fan {
namespace {

// What a spec means on this host as it is now: another spelling of a recorded fan, or a fan whose device or address is
// gone.
bool resolves_to(const FanSpec& spec, const Fan& fan, const Facts& facts) {
  if (fan.mapping.overlay() != spec.overlay || fan.mapping.underlay().length() != spec.underlay.prefix_length) {
    return false;
  }
  switch (spec.underlay.kind) {
  case UnderlayRef::Kind::address:
    return fan.host == spec.underlay.address;
  case UnderlayRef::Kind::network:
    return fan.mapping.underlay() == spec.underlay.network;
  case UnderlayRef::Kind::device:
    return fan.device == spec.underlay.device;
  case UnderlayRef::Kind::default_route:
    return fan.device == facts.default_device;
  }
  return false;
}

std::vector<Fan> matching(const FanSpec& spec, const Host& host) {
  std::vector<Fan> typed;
  std::vector<Fan> meant;
  for (const Fan& fan : host.fans) {
    if (fan.spec.overlay == spec.overlay && fan.spec.underlay == spec.underlay) {
      typed.push_back(fan);
    } else if (resolves_to(spec, fan, host.facts)) {
      meant.push_back(fan);
    }
  }
  return typed.empty() ? meant : typed;
}

std::vector<Fan> select(const Selector& which, const Host& host) {
  if (which.spec) {
    return matching(*which.spec, host);
  }
  std::vector<Fan> selected;
  for (const Fan& fan : host.fans) {
    const bool all =
        which.all == Selector::All::every || (which.all == Selector::All::configured && fan.spec.autostart);
    if (all || (which.bridge && fan.bridge == *which.bridge)) {
      selected.push_back(fan);
    }
  }
  return selected;
}

Error not_found(const Host& host) {
  std::vector<std::string> names;
  for (const Fan& fan : host.fans) {
    names.push_back(fmt::format("{} ({} {}/{})", fan.bridge, fan.mapping.overlay().str(), fan.host.str(),
                                fan.mapping.underlay().length()));
  }
  Error error;
  error.kind = ErrorClass::host_state;
  error.message = "no such fan is up";
  error.hint = names.empty() ? "no fan is up on this host" : fmt::format("up are: {}", fmt::join(names, ", "));
  return error;
}

Error still_used(const Fan& fan, const std::vector<std::string>& ports) {
  Error error;
  error.kind = ErrorClass::host_state;
  error.message = fmt::format("{} has ports attached: {}", fan.bridge, fmt::join(ports, ", "));
  error.hint = "stop what uses them, or repeat with --force, which leaves them without a bridge";
  return error;
}

// Takes the fans that are in use out of those to go down.
void leave_used(Outcome& outcome, const Facts& facts) {
  std::erase_if(outcome.fans, [&](const Fan& fan) {
    const std::vector<std::string> ports = ports_of(facts, fan.bridge);
    if (!ports.empty()) {
      outcome.failures.push_back(still_used(fan, ports));
    }
    return !ports.empty();
  });
}

} // namespace

Result<Outcome> down(Provider& provider, const Selector& which, const RequestOptions& options) {
  auto host = look(provider);
  if (!host) {
    return std::move(host).error();
  }
  Outcome outcome;
  outcome.fans = select(which, *host);
  if (outcome.fans.empty() && which.all == Selector::All::none) {
    return not_found(*host);
  }
  if (!options.force) {
    leave_used(outcome, host->facts);
  }
  if (!outcome.failures.empty() && which.all == Selector::All::none) {
    return outcome.failures.front();
  }
  std::vector<Fan> after = host->fans;
  for (const Fan& fan : outcome.fans) {
    std::erase(after, fan);
  }
  auto plan = plan_to(provider, host->facts, host->fans, after);
  if (!plan) {
    return std::move(plan).error();
  }
  outcome.plan = std::move(plan).value();
  if (options.dry_run || outcome.plan.empty()) {
    return outcome;
  }
  if (auto applied = carry_out(provider, outcome.plan); !applied) {
    return std::move(applied).error();
  }
  return outcome;
}

} // namespace fan
