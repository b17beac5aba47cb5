#include "engine/sequence.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/draft.h"

namespace fan {
namespace {

using Outcomes = std::vector<Result<Outcome>>;

// Does `all` together, or halves of it where that fails.
template <class T, class Together>
void in_halves(std::span<const T> all, const Together& together, Outcomes& outcomes) {
  if (all.empty()) {
    return;
  }
  Result<Outcomes> done = together(all);
  if (done) {
    std::move(done->begin(), done->end(), std::back_inserter(outcomes));
  } else if (all.size() == 1) {
    outcomes.emplace_back(std::move(done).error());
  } else {
    in_halves(all.first(all.size() / 2), together, outcomes);
    in_halves(all.subspan(all.size() / 2), together, outcomes);
  }
}

} // namespace

void MadeFans::add(const std::vector<Fan>& fans) {
  for (const Fan& fan : fans) {
    specs_.insert_or_assign(fan.slice(), fan.spec);
  }
}

bool MadeFans::has(const Fan& fan) const {
  const auto found = specs_.find(fan.slice());
  return found != specs_.end() && found->second == fan.spec;
}

Result<Outcome> Sequence::up(const FanSpec& spec, RequestOptions options) {
  options.dry_run = dry_run_;
  return noted(fan::up(host(), spec, options));
}

Result<Outcome> Sequence::down(const Selector& which, RequestOptions options) {
  options.dry_run = dry_run_;
  return noted(fan::down(host(), which, options));
}

Result<Outcomes> Sequence::up_each(std::span<const FanSpec> specs, const OptionsFor& options_for, MadeFans& made) {
  Outcomes outcomes;
  in_halves(
      specs,
      [&](std::span<const FanSpec> some) {
        MadeFans then = made;
        Result<Outcomes> done = up_together(some, options_for, then);
        if (done) {
          made = std::move(then);
        }
        return done;
      },
      outcomes);
  const auto refused = std::find_if(outcomes.begin(), outcomes.end(), [](const Result<Outcome>& outcome) {
    return !outcome && outcome.error().kind == ErrorClass::privilege;
  });
  return dry_run_ && refused != outcomes.end() ? Result<Outcomes>(refused->error()) : std::move(outcomes);
}

std::vector<Result<Outcome>> Sequence::down_each(std::span<const Fan> fans) {
  Outcomes outcomes;
  in_halves(
      fans, [&](std::span<const Fan> some) { return down_together(some); }, outcomes);
  return outcomes;
}

// An error: nothing is done. Those within are of requests that could not be worked out, beside which the others are.
Result<Outcomes> Sequence::up_together(std::span<const FanSpec> specs, const OptionsFor& options_for, MadeFans& made) {
  Result<Draft> draft = Draft::begin(host());
  if (!draft) {
    return std::move(draft).error();
  }
  Outcomes outcomes;
  std::vector<std::size_t> drawn; // places of the requests that the draft has
  for (const FanSpec& spec : specs) {
    outcomes.emplace_back(Outcome{});
    if (spec.off) {
      continue;
    }
    const Result<RequestOptions> options = options_for(spec, draft->host(), made);
    if (Result<void> done = options ? draft->up(spec, *options) : options.error(); !done) {
      outcomes.back() = std::move(done).error();
      continue;
    }
    made.add(draft->asked());
    drawn.push_back(outcomes.size() - 1);
  }
  Result<std::vector<Outcome>> done = std::move(*draft).carry_out(dry_run_);
  if (!done) {
    return std::move(done).error();
  }
  for (std::size_t n = 0; n < drawn.size(); ++n) {
    note((*done)[n]);
    outcomes[drawn[n]] = std::move((*done)[n]);
  }
  return outcomes;
}

Result<Outcomes> Sequence::down_together(std::span<const Fan> fans) {
  Result<std::vector<Outcome>> done = fan::down(host(), fans, RequestOptions{.dry_run = dry_run_});
  if (!done) {
    return std::move(done).error();
  }
  Outcomes outcomes;
  for (Outcome& outcome : *done) {
    note(outcome);
    outcomes.emplace_back(std::move(outcome));
  }
  return outcomes;
}

void Sequence::note(const Outcome& outcome) {
  if (dry_run_) {
    (void)rehearsal_.apply(outcome.plan); // a note cannot fail
  }
}

Result<Outcome> Sequence::noted(Result<Outcome> outcome) {
  if (outcome) {
    note(*outcome);
  }
  return outcome;
}

} // namespace fan
