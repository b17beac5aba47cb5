// Several requests, one after the other. In a dry run each is worked out as if those before it had been done.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "core/fan.h"
#include "core/fan_spec.h"
#include "core/result.h"
#include "engine/host.h"
#include "engine/provider.h"
#include "engine/rehearsal.h"
#include "engine/requests.h"

namespace fan {

// The fans that requests of a sequence made, as they made them.
class MadeFans {
public:
  void add(const std::vector<Fan>& fans);
  [[nodiscard]] bool has(const Fan& fan) const;
  [[nodiscard]] bool empty() const { return specs_.empty(); }

private:
  std::map<Prefix, FanSpec> specs_; // by slice
};

class Sequence {
public:
  Sequence(Provider& host, bool dry_run) : host_(host), rehearsal_(host), dry_run_(dry_run) {}

  // What the next request finds.
  [[nodiscard]] Provider& host() { return dry_run_ ? rehearsal_ : host_; }
  // As fan::up and fan::down, whatever `options` say of a dry run.
  Result<Outcome> up(const FanSpec& spec, RequestOptions options);
  Result<Outcome> down(const Selector& which, RequestOptions options);

  // The options of one of several requests, by the host that it finds and what those before it made.
  using OptionsFor = std::function<Result<RequestOptions>(const FanSpec&, const Host&, const MadeFans&)>;
  // As up() of each, and fails for none because of another. What can be done together is: looking at the host and
  // reading it back takes as long as there are fans, so that for each of them it would take the square of it. What is
  // done together and fails is undone together, and tried again in halves. One outcome for each, in their order. An
  // error (class privilege): this is a dry run by somebody who may not look at the host, which is no fan's error.
  Result<std::vector<Result<Outcome>>> up_each(std::span<const FanSpec> specs, const OptionsFor& options_for,
                                               MadeFans& made);
  // As down() of each of these fans, none of which is in use, in the same way.
  std::vector<Result<Outcome>> down_each(std::span<const Fan> fans);

private:
  Result<std::vector<Result<Outcome>>> up_together(std::span<const FanSpec> specs, const OptionsFor& options_for,
                                                   MadeFans& made);
  Result<std::vector<Result<Outcome>>> down_together(std::span<const Fan> fans);
  void note(const Outcome& outcome);
  Result<Outcome> noted(Result<Outcome> outcome);

  Provider& host_;
  Rehearsal rehearsal_;
  bool dry_run_;
};

} // namespace fan
