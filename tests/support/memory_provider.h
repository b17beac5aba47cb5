// A kernel in memory that answers like the real one, for injecting failures. The contract suite runs against both, so
// that this one has no behaviour alone. Not for measuring, and not a substitute where the real thing runs.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/facts.h"
#include "core/object.h"
#include "engine/provider.h"

namespace fan::test {

class MemoryProvider : public Provider {
public:
  // A host with one device eth0, its address, and a default route over it.
  static MemoryProvider host(Address address, unsigned prefix_length);

  Result<Facts> facts() override;
  Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device) override;
  Result<std::optional<Address>> preferred_source(const Prefix& underlay, const std::string& device) override;
  Result<std::optional<std::string>> device_into(const Prefix& underlay) override;
  Result<std::optional<std::string>> overlapping_route(const Prefix& overlay) override;
  Result<std::vector<std::vector<MisleadingRule>>> misleading_rules(std::span<const Fan> fans) override {
    return std::vector(fans.size(), misleading);
  }
  Result<std::vector<Endpoint>> endpoints(const std::string& /*bridge*/) override { return seen; }
  Result<std::vector<KnownMac>> known_macs(const std::string& /*bridge*/) override { return macs; }
  Result<firewall::Filters> filters() override { return foreign_filters; }
  [[nodiscard]] std::string program_build() const override { return "0badcafe"; }
  [[nodiscard]] std::string ruleset_version() const override { return "memory"; }
  Result<ObservedSet> observe(const Scope& scope) override;
  Result<void> apply(std::span<const Change> transaction) override;

  // Asked before each transaction; an Error that it returns is what the caller gets, and nothing is done.
  std::function<std::optional<Error>(std::span<const Change>)> fail;

  Facts base;                   // devices that are not ours, addresses, default route
  ObservedSet objects;          // the kernel's state
  std::size_t transactions = 0; // carried out so far
  std::optional<std::string> foreign_route;
  firewall::Filters foreign_filters;
  std::vector<MisleadingRule> misleading; // of any fan
  std::vector<Endpoint> seen;             // on any bridge
  std::vector<KnownMac> macs;             // of any bridge

  // What a person does by hand: the object is gone, and what the kernel takes with it.
  void delete_by_hand(const std::string& key);

private:
  Result<void> carry_out(ObservedSet& state, const Change& change) const;
  static void take_along(ObservedSet& state, const Object& removed);
  static void forget(ObservedSet& state, const Object& before, const Object& after);
};

} // namespace fan::test
