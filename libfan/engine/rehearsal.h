// A host on which nothing is done, and which looks as if it were: what a dry run of several requests is worked out on,
// as each of them builds on those before it.
#pragma once

#include <map>
#include <string>

#include "engine/forwarding_provider.h"
#include "engine/requests.h"

namespace fan {

class Rehearsal : public ForwardingProvider {
public:
  using ForwardingProvider::ForwardingProvider;

  Result<Facts> facts() override;
  Result<ObservedSet> observe(const Scope& scope) override;
  // Notes the changes, of however many kinds.
  Result<void> apply(std::span<const Change> changes) override;

private:
  std::map<std::string, Change> changes_; // by key; from what the host has to what it shall have
};

// Several requests, one after the other. In a dry run each is worked out as if those before it had been done.
class Sequence {
public:
  Sequence(Provider& host, bool dry_run) : host_(host), rehearsal_(host), dry_run_(dry_run) {}

  // What the next request finds.
  [[nodiscard]] Provider& host() { return dry_run_ ? rehearsal_ : host_; }
  // As fan::up and fan::down, whatever `options` say of a dry run.
  Result<Outcome> up(const FanSpec& spec, RequestOptions options);
  Result<Outcome> down(const Selector& which, RequestOptions options);

private:
  Result<Outcome> noted(Result<Outcome> outcome);

  Provider& host_;
  Rehearsal rehearsal_;
  bool dry_run_;
};

} // namespace fan
