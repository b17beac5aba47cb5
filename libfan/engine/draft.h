// Requests for fans that come to one plan: what it costs to look at the host and to read it back is spent once for all
// of them, however many they are.
#pragma once

#include <utility>
#include <vector>

#include "core/fan_spec.h"
#include "core/result.h"
#include "engine/host.h"
#include "engine/provider.h"
#include "engine/requests.h"
#include "engine/shares.h"

namespace fan {

// Each request is worked out, and validated, on a host where those before it are done.
class Draft {
public:
  // Looks at the host.
  static Result<Draft> begin(Provider& provider);

  // With the fans that the requests so far lead to. Its devices and addresses are as they were seen: what fans have of
  // them is told by the fans.
  [[nodiscard]] const Host& host() const { return host_; }
  // Of the last request.
  [[nodiscard]] const std::vector<Fan>& asked() const { return parties_.back().comes; }

  // As fan::up(), but that nothing is done yet. On an error the draft is as if it had not been asked.
  Result<void> up(const FanSpec& spec, const RequestOptions& options);

  // Does it all, or none of it. Gives the outcome of each request that was no error, with its share of the plan.
  Result<std::vector<Outcome>> carry_out(bool dry_run) &&;

private:
  Draft(Provider& provider, Host host) : provider_(&provider), host_(std::move(host)), before_(host_.fans) {}

  Provider* provider_;
  Host host_;
  std::vector<Fan> before_;
  std::vector<Outcome> outcomes_; // one for each request, and so are the parties
  std::vector<Party> parties_;
};

} // namespace fan
