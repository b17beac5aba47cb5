#include "engine/draft.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/derive.h"
#include "core/errors.h"
#include "core/firewall_obstacles.h"
#include "core/record.h"
#include "engine/apply.h"
#include "engine/confirm.h"
#include "engine/resolution.h"

namespace fan {
namespace {

bool is_in(const Fan& kept, const std::vector<Fan>& fans) {
  return std::any_of(fans.begin(), fans.end(), [&](const Fan& fan) {
    return fan.spec == kept.spec && fan.bridge == kept.bridge && fan.slice() == kept.slice();
  });
}

Error must_stay(const Fan& kept, const FanSpec& spec) {
  if (!kept.spec.autostart) {
    return host_error(kept.bridge + " was brought up by hand, so it is left as it is",
                      "run `fanctl down " + kept.bridge + "` first, or leave it out of the file");
  }
  const bool twice = kept.spec.origin == spec.origin;
  return host_error(kept.bridge + " comes from " + (twice ? "another entry of " : "") + kept.spec.origin,
                    twice ? "name the fan once: both entries mean one slice" : "name the fan in one file only");
}

// The fans that the request may not change are as they were, but for what all fans share.
Result<void> check_kept(const RequestOptions& options, const FanSpec& spec, const Resolution& resolution) {
  const auto changed = std::find_if(resolution.gone.begin(), resolution.gone.end(), [&](const Fan& old) {
    return options.keeps && options.keeps(old) && !is_in(old, resolution.asked);
  });
  return changed == resolution.gone.end() ? Result<void>() : must_stay(*changed, spec);
}

// A bridge that is in use does not go, whatever becomes of its fan: nor do routed endpoints.
Result<void> check_unused(const Facts& facts, const Resolution& resolution) {
  for (const Fan& old : resolution.gone) {
    const bool stays =
        old.spec.reach || std::any_of(resolution.after.begin(), resolution.after.end(),
                                      [&](const Fan& fan) { return fan.bridge == old.bridge && !fan.spec.reach; });
    const std::vector<std::string> users = stays ? std::vector<std::string>() : users_of(facts, old);
    if (!users.empty()) {
      return still_used(old, users, "stop what uses it first: this would remove the bridge");
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

// The kernel's table of neighbours is one for the whole machine, and each port may bring one; those of registered
// endpoints are permanent and do not count (net/core/neighbour.c, neigh_alloc).
void note_neighbours(const Facts& facts, Outcome& outcome) {
  std::set<std::string> ports;
  for (const Fan& fan : outcome.fans) {
    for (std::string& port : ports_of(facts, fan.bridge)) {
      ports.insert(std::move(port));
    }
  }
  for (const auto& [address, endpoint] : facts.registry.endpoints) {
    ports.erase(endpoint.port);
  }
  const std::uint64_t most = facts.neighbours_at_most;
  if (most != 0 && ports.size() * 10 >= most * 9) {
    outcome.notes.push_back(fmt::format("{} ports may be more neighbours than the machine keeps, "
                                        "net.ipv4.neigh.default.gc_thresh3 = {}; give it more, or register them as "
                                        "endpoints: sysctl -w net.ipv4.neigh.default.gc_thresh3={}",
                                        ports.size(), most, ports.size() * 4));
  }
}

// Of a network each address is a fan of its own, and none moves: one whose address has gone stays, as endpoints of one
// host can still speak to each other.
void note_gone(const FanSpec& spec, const std::vector<Fan>& after, Outcome& outcome) {
  for (const Fan& fan : after) {
    const bool is_asked = std::any_of(outcome.fans.begin(), outcome.fans.end(),
                                      [&](const Fan& asked) { return asked.slice() == fan.slice(); });
    if (!is_asked && same_request(fan.spec, spec)) {
      outcome.failures.push_back(host_error(
          fmt::format("{} is no longer an address of this host, and {} is left as it is", fan.host.str(), fan.bridge),
          fmt::format("give it back, on {}, or take the fan down: fanctl down {}", fan.device, name_for_down(fan))));
    }
  }
}

void note_known_in_part(const std::vector<Fan>& after, Outcome& outcome) {
  for (const Fan& fan : after) {
    if (fan.in_part) {
      outcome.notes.push_back(note_of_part(fan));
    }
  }
}

// Somebody else's firewall may stand in the way of all this. That is said, never a failure: it may be on purpose.
void note_obstacles(const Result<firewall::Filters>& filters, const Facts& facts, Outcome& outcome) {
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

// The same of its rules of routing. What a fan that is not up yet has no devices for is not told before it has.
void note_misleading_rules(Provider& provider, std::vector<Outcome>& outcomes) {
  std::vector<Fan> fans;
  for (const Outcome& outcome : outcomes) {
    fans.insert(fans.end(), outcome.fans.begin(), outcome.fans.end());
  }
  const auto rules = provider.misleading_rules(fans);
  std::size_t next = 0;
  for (Outcome& outcome : outcomes) {
    if (!rules && !outcome.fans.empty()) {
      outcome.notes.push_back("cannot tell whether a policy rule of this host leads packets elsewhere: " +
                              rules.error().message);
    }
    for (std::size_t n = 0; rules && n < outcome.fans.size(); ++n) {
      for (const MisleadingRule& rule : (*rules)[next++]) {
        outcome.notes.push_back(note_of(advice_on(rule, outcome.fans[n])));
      }
    }
  }
}

} // namespace

Result<Draft> Draft::begin(Provider& provider) {
  auto host = look_to_change(provider);
  return host ? Draft(provider, std::move(host).value()) : Result<Draft>(std::move(host).error());
}

Result<void> Draft::up(const FanSpec& spec, const RequestOptions& options) {
  auto resolution = resolve(*provider_, spec, host_, options.instead_of);
  if (!resolution) {
    return std::move(resolution).error();
  }
  if (auto kept = check_kept(options, spec, *resolution); !kept) {
    return kept;
  }
  if (auto unused = check_unused(host_.facts, *resolution); !unused) {
    return unused;
  }
  Outcome outcome;
  outcome.fans = resolution->asked;
  outcome.notes = std::move(resolution->notes);
  note_gone(spec, resolution->after, outcome);
  if (options.notes_parts) {
    note_known_in_part(resolution->after, outcome);
  }
  note_shortcuts(outcome);
  note_neighbours(host_.facts, outcome);
  outcomes_.push_back(std::move(outcome));
  parties_.push_back({std::move(resolution->asked), std::move(resolution->gone)});
  host_.fans = std::move(resolution->after);
  return {};
}

Result<std::vector<Outcome>> Draft::carry_out(bool dry_run) && {
  if (outcomes_.empty()) {
    return std::move(outcomes_);
  }
  auto plan = plan_to(*provider_, host_.facts, before_, host_.fans);
  if (!plan) {
    return std::move(plan).error();
  }
  const Result<firewall::Filters> filters = provider_->filters();
  for (Outcome& outcome : outcomes_) {
    note_obstacles(filters, host_.facts, outcome);
  }
  if (!dry_run && !plan->empty()) {
    if (auto applied = fan::carry_out(*provider_, *plan); !applied) {
      return std::move(applied).error();
    }
    if (auto confirmed = confirm(*provider_, host_.facts, host_.fans, *plan); !confirmed) {
      return std::move(confirmed).error();
    }
  }
  const Builds builds{provider_->program_build(), provider_->ruleset_version()};
  std::vector<std::vector<Change>> shares = shares_of(std::move(plan).value(), parties_, host_.facts, builds);
  for (std::size_t n = 0; n < outcomes_.size(); ++n) {
    outcomes_[n].plan = std::move(shares[n]);
  }
  note_misleading_rules(*provider_, outcomes_);
  return std::move(outcomes_);
}

Result<Outcome> up(Provider& provider, const FanSpec& spec, const RequestOptions& options) {
  if (spec.off) {
    return Outcome{};
  }
  auto draft = Draft::begin(provider);
  if (!draft) {
    return std::move(draft).error();
  }
  if (auto drawn = draft->up(spec, options); !drawn) {
    return std::move(drawn).error();
  }
  auto outcomes = std::move(*draft).carry_out(options.dry_run);
  return outcomes ? Result<Outcome>(std::move(outcomes->front())) : std::move(outcomes).error();
}

} // namespace fan
