// A network namespace of the test's own that the test's thread is in, with the kernel behind the provider.
#pragma once

#include "contract/world.h"
#include "linux/kernel_provider.h"
#include "support/netns.h"

namespace fan::test {

class KernelWorld : public World {
public:
  KernelWorld();
  Provider& provider() override { return provider_; }
  void add_foreign_bridge(const std::string& name) override;
  void add_port(const std::string& bridge, const std::string& name) override;
  void add_foreign_route(const Prefix& destination) override;

  [[nodiscard]] const Netns& netns() const { return netns_; }

private:
  Netns netns_;
  Inside inside_;
  KernelProvider provider_;
};

} // namespace fan::test
