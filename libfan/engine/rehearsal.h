// A host on which nothing is done, and which looks as if it were: what a dry run of several requests is worked out on,
// as each of them builds on those before it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/provider.h"
#include "engine/requests.h"

namespace fan {

class Rehearsal : public Provider {
public:
  explicit Rehearsal(Provider& host) : host_(host) {}

  Result<Facts> facts() override;
  Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device) override {
    return host_.path_mtu(underlay, source, device);
  }
  Result<std::optional<Address>> preferred_source(const Prefix& underlay, const std::string& device) override {
    return host_.preferred_source(underlay, device);
  }
  Result<std::optional<std::string>> device_into(const Prefix& underlay) override {
    return host_.device_into(underlay);
  }
  Result<std::optional<std::string>> overlapping_route(const Prefix& overlay) override {
    return host_.overlapping_route(overlay);
  }
  Result<std::vector<Endpoint>> endpoints(const std::string& bridge) override { return host_.endpoints(bridge); }
  Result<std::vector<KnownMac>> known_macs(const std::string& bridge) override { return host_.known_macs(bridge); }
  Result<firewall::Filters> filters() override { return host_.filters(); }
  [[nodiscard]] std::string program_build() const override { return host_.program_build(); }
  [[nodiscard]] std::string ruleset_version() const override { return host_.ruleset_version(); }
  Result<ObservedSet> observe(const Scope& scope) override;
  // Notes the changes, of however many kinds.
  Result<void> apply(std::span<const Change> changes) override;

private:
  Provider& host_;
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
