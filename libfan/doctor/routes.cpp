#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/render.h"
#include "doctor/checks.h"

namespace fan::doctor {

// Our own route is an exception to wider ones, and a smaller one is an exception to ours.
void check_routes(const Evidence& evidence, Findings& findings) {
  std::vector<Prefix> slices;
  for (const Fan& fan : evidence.all) {
    slices.push_back(fan.slice());
  }
  for (const FanStatus& status : evidence.fans) {
    const Result<std::vector<RouteSeen>> routes = evidence.source.routes_inside(status.fan.mapping.overlay(), slices);
    if (!routes) {
      findings.unseen(routes.error());
      continue;
    }
    for (const RouteSeen& route : *routes) {
      Finding finding;
      finding.subject = status.fan.bridge;
      finding.what = fmt::format("a route to {} takes {} of the overlay away", route.destination.str(),
                                 route.destination == status.fan.mapping.overlay() ? "all" : "a part");
      finding.evidence = {fmt::format("{}", fmt::join(route.words, " "))};
      finding.consequence = "packets to these addresses go there, and packets from them are refused as forged; whoever "
                            "made it needs another overlay or loses it by this line";
      finding.fix = "ip route del";
      for (const std::string& word : route.words) {
        finding.fix += " " + shell_word(word);
      }
      findings.add(std::move(finding));
    }
  }
}

} // namespace fan::doctor
