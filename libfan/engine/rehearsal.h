// A host on which nothing is done, and which looks as if it were: what a dry run of several requests is worked out on,
// as each of them builds on those before it.
#pragma once

#include <map>
#include <string>

#include "engine/forwarding_provider.h"

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

} // namespace fan
