#include "engine/apply_configuration.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/record.h"
#include "engine/host.h"
#include "engine/sequence.h"

namespace fan {
namespace {

// The fan is what the spec asks for, in this or another state.
bool is_it(const Fan& fan, const FanSpec& spec) {
  return same_request(fan.spec, spec) && fan.spec.reach == spec.reach && (!spec.bridge || fan.bridge == *spec.bridge);
}

// The fan cannot be up beside what the spec asks for: the same request under another name, or another under its name.
bool is_in_the_way(const Fan& fan, const FanSpec& spec) {
  return !is_it(fan, spec) && (same_request(fan.spec, spec) || (spec.bridge && fan.bridge == *spec.bridge));
}

bool is_broken(const Configuration& configuration, const std::string& origin) {
  return configuration.broken.count(origin) != 0;
}

// May this configuration take the fan down?
bool is_disposable(const Configuration& configuration, const Fan& fan) {
  if (!fan.spec.autostart || is_broken(configuration, fan.spec.origin)) {
    return false;
  }
  return configuration.files.count(fan.spec.origin) != 0 || (configuration.everything && configuration.broken.empty());
}

// May this spec change the fan, or take its place?
bool is_changeable(const Configuration& configuration, const Fan& fan, const FanSpec& spec) {
  const bool adopted = configuration.adopts && !fan.spec.autostart && is_it(fan, spec);
  return adopted ||
         (fan.spec.autostart && (fan.spec.origin == spec.origin || !is_broken(configuration, fan.spec.origin)));
}

std::string until_then(const char* what) {
  return fmt::format("stop what uses them; the next `fanctl apply` {} it", what);
}

// `place`: where the configuration asks for it, if it does.
void add(Result<Outcome> outcome, const std::string& title, const std::optional<TextPlace>& place, Applied& applied) {
  if (!outcome) {
    Error error = std::move(outcome).error().within(title);
    error.place = place ? place : error.place;
    applied.errors.push_back(std::move(error));
    return;
  }
  for (Error& failure : outcome->failures) {
    applied.errors.push_back(std::move(failure).within(title));
  }
  applied.parts.push_back({title, std::move(outcome).value()});
}

void take_down(Sequence& requests, const std::vector<Fan>& fans, Applied& applied) {
  std::vector<Result<Outcome>> outcomes = requests.down_each(fans);
  for (std::size_t n = 0; n < fans.size(); ++n) {
    add(std::move(outcomes[n]), "remove " + fans[n].bridge, std::nullopt, applied);
  }
}

// Gives whether a fan that is up is known in part only.
Result<bool> take_all_down(Sequence& requests, const Configuration& configuration, Applied& applied) {
  auto host = look_to_change(requests.host());
  if (!host) {
    return std::move(host).error();
  }
  std::vector<Fan> disposable;
  for (const Fan& fan : host->fans) {
    const bool wanted =
        std::any_of(configuration.wanted.begin(), configuration.wanted.end(), [&](const WantedFan& other) {
          return !other.spec.off && (is_it(fan, other.spec) || is_in_the_way(fan, other.spec));
        });
    if (wanted || !is_disposable(configuration, fan)) {
      continue;
    }
    const std::vector<std::string> ports = users_of(host->facts, fan);
    if (ports.empty()) {
      disposable.push_back(fan);
    } else {
      applied.errors.push_back(still_used(fan, ports, until_then("removes")).within("remove " + fan.bridge));
    }
  }
  take_down(requests, disposable, applied);
  return std::any_of(host->fans.begin(), host->fans.end(), [](const Fan& fan) { return fan.in_part; });
}

// What stands in the way of `spec` and may go; of what may not, what stands in the way stays and makes `up` refuse.
// `settled` are the fans of entries before this one: two entries that mean the same slice would else change it to and
// fro at every run.
Result<RequestOptions> options_for(const FanSpec& spec, const Configuration& configuration, const Host& host,
                                   const MadeFans& settled) {
  RequestOptions options;
  options.notes_parts = false; // those that nothing asks for anew are told of at the end
  options.keeps = [&spec, &configuration, &settled](const Fan& fan) {
    return settled.has(fan) || !is_changeable(configuration, fan, spec);
  };
  for (const Fan& fan : host.fans) {
    if (!is_in_the_way(fan, spec) || options.keeps(fan)) {
      continue;
    }
    const std::vector<std::string> ports = users_of(host.facts, fan);
    if (!ports.empty()) {
      return still_used(fan, ports, until_then("replaces"));
    }
    options.instead_of.push_back(fan);
  }
  return options;
}

// Gives whether any of them is up by it.
Result<bool> bring_up(Sequence& requests, const Configuration& configuration, Applied& applied) {
  std::vector<FanSpec> specs;
  for (const WantedFan& wanted : configuration.wanted) {
    specs.push_back(wanted.spec);
  }
  MadeFans settled;
  Result<std::vector<Result<Outcome>>> outcomes = requests.up_each(
      specs,
      [&configuration](const FanSpec& spec, const Host& host, const MadeFans& before) {
        return options_for(spec, configuration, host, before);
      },
      settled);
  if (!outcomes) {
    return std::move(outcomes).error();
  }
  for (std::size_t n = 0; n < outcomes->size(); ++n) {
    const WantedFan& wanted = configuration.wanted[n];
    add(std::move((*outcomes)[n]), wanted.name, wanted.place, applied);
  }
  return !settled.empty();
}

// Each `up` puts right what any fan that is up has lost. Where none is wanted, a fan brought up by hand is asked for
// once more, just as it is; one that would become another by it stays as it is.
Result<void> repair(Sequence& requests, const RequestOptions& options, Applied& applied) {
  auto host = look_to_change(requests.host());
  if (!host) {
    return std::move(host).error();
  }
  std::optional<Error> failed;
  for (const Fan& fan : host->fans) {
    if (fan.in_part) {
      continue;
    }
    auto outcome = requests.up(fan.spec, RequestOptions{.keeps = [](const Fan& /*any*/) { return true; }});
    if (outcome) {
      applied.parts.push_back({fan.bridge, std::move(outcome).value()});
      return {};
    }
    if (options.dry_run && outcome.error().kind == ErrorClass::privilege) {
      return std::move(outcome).error();
    }
    failed = std::move(outcome).error().within(fan.bridge);
  }
  if (failed) { // none of them could be: what all share is not put right either
    applied.errors.push_back(std::move(*failed));
  }
  return {};
}

// What is known in part and not asked for anew stays as it is, which is no success.
Result<void> refuse_known_in_part(Provider& provider, Applied& applied) {
  auto host = look_to_change(provider);
  if (!host) {
    return std::move(host).error();
  }
  for (const Fan& fan : host->fans) {
    if (fan.in_part) {
      applied.errors.push_back(known_in_part(fan));
    }
  }
  return {};
}

} // namespace

Result<Applied> apply_configuration(Provider& provider, const Configuration& configuration,
                                    const RequestOptions& options) {
  Applied applied;
  Sequence requests(provider, options.dry_run);
  const auto in_part = take_all_down(requests, configuration, applied);
  if (!in_part) {
    return in_part.error();
  }
  const auto settled = bring_up(requests, configuration, applied);
  if (!settled) {
    return settled.error();
  }
  if (!*settled) {
    if (auto repaired = repair(requests, options, applied); !repaired) {
      return std::move(repaired).error();
    }
  }
  auto refused = *in_part ? refuse_known_in_part(requests.host(), applied) : Result<void>();
  return refused ? Result<Applied>(std::move(applied)) : std::move(refused).error();
}

} // namespace fan
