// A Provider that asks another for everything: the base of those that change a part of what one does.
#pragma once

#include "engine/provider.h"

namespace fan {

class ForwardingProvider : public Provider {
public:
  // `inner` outlives this.
  explicit ForwardingProvider(Provider& inner) : inner_(inner) {}

  Result<Facts> facts() override { return inner_.facts(); }
  Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device) override {
    return inner_.path_mtu(underlay, source, device);
  }
  Result<std::optional<Address>> preferred_source(const Prefix& underlay, const std::string& device) override {
    return inner_.preferred_source(underlay, device);
  }
  Result<std::optional<std::string>> device_into(const Prefix& underlay) override {
    return inner_.device_into(underlay);
  }
  Result<std::optional<std::string>> overlapping_route(const Prefix& overlay) override {
    return inner_.overlapping_route(overlay);
  }
  Result<std::vector<std::vector<MisleadingRule>>> misleading_rules(std::span<const Fan> fans) override {
    return inner_.misleading_rules(fans);
  }
  Result<std::vector<Endpoint>> endpoints(const std::string& bridge) override { return inner_.endpoints(bridge); }
  Result<std::vector<KnownMac>> known_macs(const std::string& bridge) override { return inner_.known_macs(bridge); }
  Result<firewall::Filters> filters() override { return inner_.filters(); }
  [[nodiscard]] std::string program_build() const override { return inner_.program_build(); }
  [[nodiscard]] std::string ruleset_version() const override { return inner_.ruleset_version(); }
  Result<ObservedSet> observe(const Scope& scope) override { return inner_.observe(scope); }
  Result<void> apply(std::span<const Change> transaction) override { return inner_.apply(transaction); }

private:
  Provider& inner_;
};

} // namespace fan
