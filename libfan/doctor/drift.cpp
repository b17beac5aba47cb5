#include <algorithm>

#include <fmt/format.h>

#include "core/record.h"
#include "core/resolve.h"
#include "core/validate.h"
#include "core/words.h"
#include "doctor/checks.h"
#include "doctor/lines.h"
#include "doctor/overlaps.h"

namespace fan::doctor {
namespace {

std::string said(const Drift& drift) {
  const auto or_nothing = [](const std::string& text) { return text.empty() ? std::string("nothing") : text; };
  return fmt::format("{}: expected {}, found {}", drift.key, or_nothing(drift.expected), or_nothing(drift.found));
}

// `up` leaves a program that is attached by tcx to whoever put it there, and refuses: the check `tcx` tells of it.
bool is_behind_tcx(const Evidence& evidence, const Drift& drift) {
  const std::vector<std::string> words = split_words(drift.key); // "classifier DEVICE DIRECTION"
  const LinkFact* link = words.size() == 3 && words[0] == "classifier" ? evidence.facts.link(words[1]) : nullptr;
  if (link == nullptr || drift.expected.empty() || drift.found.empty()) {
    return false;
  }
  const Result<std::vector<std::string>> programs = evidence.source.tcx_programs(link->ifindex);
  return programs && !programs->empty();
}

// The check `route` tells of a route that stands before ours.
bool is_behind_a_route(const Drift& drift) {
  return drift.kind == "route" && drift.found.ends_with(" behind another's");
}

// The check `address` tells of an address that is gone, and what to do then.
bool is_address_gone(const Drift& drift) {
  return drift.kind == "host" && !drift.expected.empty() && drift.found.empty();
}

// The check `overlap` tells of the two: until one of them is down, `up` refuses both.
bool is_overlapped(const Evidence& evidence, const Fan& fan) {
  return std::any_of(evidence.all.begin(), evidence.all.end(),
                     [&](const Fan& other) { return other != fan && have_addresses_in_common(fan, other); });
}

// What kept it from being known: something of others in the place of an object of ours, at which `up` stops as well.
bool is_in_the_way(const Drift& drift) {
  return drift.kind == "host" && drift.expected.empty();
}

// What `up` says of the fan before it touches anything.
Result<void> refusal_of_up(const Evidence& evidence, const Fan& fan) {
  Result<void> valid = validate(fan, evidence.all, evidence.facts);
  const auto found = candidates(fan.spec, evidence.facts);
  return valid && !found ? Result<void>(found.error()) : valid;
}

// What `up` refuses to repair has no line.
void advise(const Evidence& evidence, const FanStatus& status, Finding& finding) {
  const std::string line = up_line(status.fan.spec);
  if (status.fan.in_part) {
    const Error error = known_in_part(status.fan);
    finding.what = error.message;
    finding.instead = error.hint;
  } else if (const Result<void> good = refusal_of_up(evidence, status.fan); !good) {
    finding.instead = fmt::format("{}; {}; and then: {}", good.error().message, good.error().hint, line);
  } else if (std::any_of(status.drift.begin(), status.drift.end(), is_in_the_way)) {
    finding.instead = "remove or rename what was found, if nobody needs it; and then: " + line;
  } else {
    finding.fix = line;
  }
}

} // namespace

void check_drift(const Evidence& evidence, Findings& findings) {
  for (const Error& error : evidence.unreadable) {
    Finding finding;
    finding.what = "a fan of this host cannot be read";
    finding.evidence = {error.message};
    finding.consequence = "it may work, but it is not watched, and nothing can be changed or taken down";
    finding.instead = error.hint;
    findings.add(std::move(finding));
  }
  if (!evidence.unreadable.empty()) {
    return;
  }
  if (!evidence.complete) {
    findings.unseen("reading the fans' objects takes CAP_SYS_ADMIN");
    return;
  }
  for (const FanStatus& status : evidence.fans) {
    Finding finding;
    finding.subject = status.fan.bridge;
    finding.what = "the fan is not as it should be: something was deleted, altered or added";
    for (const Drift& drift : status.drift) {
      if (!is_behind_tcx(evidence, drift) && !is_address_gone(drift) && !is_behind_a_route(drift)) {
        finding.evidence.push_back(said(drift));
      }
    }
    if (finding.evidence.empty() || is_overlapped(evidence, status.fan)) {
      continue;
    }
    finding.consequence = "packets may be lost, or refused, until it is repaired";
    advise(evidence, status, finding);
    findings.add(std::move(finding));
  }
}

} // namespace fan::doctor
