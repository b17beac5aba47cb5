// A Provider that stops when a signal waits (interruption.h): the request under way fails at its next change, and so is
// undone by the engine; none that follows begins.
#pragma once

#include "engine/forwarding_provider.h"

namespace fan::cli {

class InterruptibleProvider : public ForwardingProvider {
public:
  using ForwardingProvider::ForwardingProvider;

  Result<Facts> facts() override;
  Result<void> apply(std::span<const Change> transaction) override;

private:
  bool stopped_ = false; // what is applied from then on undoes
};

} // namespace fan::cli
