#include "engine/resolution.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/derive.h"
#include "core/errors.h"
#include "core/resolve.h"
#include "core/validate.h"
#include "engine/moved.h"

namespace fan {
namespace {

// Of several addresses the one the kernel itself would speak from; a network means all of them.
Result<std::vector<Candidate>> choose(Provider& provider, const FanSpec& spec, const Facts& facts,
                                      std::vector<std::string>& notes) {
  auto all = candidates(spec, facts);
  if (!all || all->size() == 1 || spec.underlay.kind == UnderlayRef::Kind::network) {
    return all;
  }
  const Candidate& first = all->front();
  auto preferred = provider.preferred_source(Prefix::of(first.host, spec.underlay.prefix_length), first.device);
  if (!preferred) {
    return std::move(preferred).error();
  }
  std::vector<std::string> addresses;
  Candidate chosen = first;
  for (const Candidate& candidate : *all) {
    addresses.push_back(candidate.host.str());
    if (*preferred && candidate.host == **preferred) {
      chosen = candidate;
    }
  }
  notes.push_back(
      fmt::format("{} has the addresses {}; took {}, which the kernel prefers as source. Name another to choose it.",
                  first.device, fmt::join(addresses, ", "), chosen.host.str()));
  return std::vector<Candidate>{chosen};
}

// An address on the loopback device, as hosts have that route to each other: packets come and go by the device into the
// underlay.
Result<Candidate> with_link(Provider& provider, const FanSpec& spec, Candidate candidate, const Facts& facts) {
  const LinkFact* link = facts.link(candidate.device);
  if (link == nullptr || !is_linkless(*link)) {
    return candidate;
  }
  const Prefix underlay = Prefix::of(candidate.host, spec.underlay.prefix_length);
  auto device = provider.device_into(underlay);
  if (!device) {
    return std::move(device).error();
  }
  const LinkFact* way = *device ? facts.link(**device) : nullptr;
  if (way == nullptr || is_linkless(*way)) {
    return host_error(fmt::format("{} is on {}, and this host has no route into the underlay {}", candidate.host.str(),
                                  candidate.device, underlay.str()),
                      "wait until there is one, or name an address on the device that other hosts are behind");
  }
  candidate.device = way->name;
  return candidate;
}

Result<Fan> fan_of(Provider& provider, const FanSpec& spec, const Candidate& candidate, const Host& host) {
  auto mtu =
      provider.path_mtu(Prefix::of(candidate.host, spec.underlay.prefix_length), candidate.host, candidate.device);
  if (!mtu) {
    return std::move(mtu).error();
  }
  auto made = make_fan(spec, candidate, *mtu, host.facts, host.fans);
  if (!made) {
    return made;
  }
  const auto same_slice =
      std::find_if(host.fans.begin(), host.fans.end(), [&](const Fan& old) { return old.slice() == made->slice(); });
  if (same_slice != host.fans.end()) {
    keep_what_is_attached(*made, *same_slice, host.facts);
  } else if (const Fan* old = moved_from(spec, host.fans)) {
    keep_what_is_attached(*made, *old, host.facts);
  }
  return made;
}

template <class Leaves>
void let_go(Resolution& resolution, Leaves leaves) {
  const auto gone = std::stable_partition(resolution.after.begin(), resolution.after.end(),
                                          [&](const Fan& fan) { return !leaves(fan); });
  resolution.gone.insert(resolution.gone.end(), std::make_move_iterator(gone),
                         std::make_move_iterator(resolution.after.end()));
  resolution.after.erase(gone, resolution.after.end());
}

// In the place of the one it replaces. One with the same slice by another underlay, in which the host has the same
// number, is another fan.
void put_fan(Resolution& resolution, const Fan& fan) {
  let_go(resolution, [&](const Fan& old) {
    return moves(fan.spec, old) || (old.slice() == fan.slice() && old.mapping == fan.mapping);
  });
  const auto place = std::upper_bound(resolution.after.begin(), resolution.after.end(), fan,
                                      [](const Fan& a, const Fan& b) { return a.slice() < b.slice(); });
  resolution.after.insert(place, fan);
}

Result<void> check_new_mapping(Provider& provider, const Fan& fan, const std::vector<Fan>& recorded) {
  const bool known =
      std::any_of(recorded.begin(), recorded.end(), [&](const Fan& old) { return old.mapping == fan.mapping; });
  if (known) {
    return {};
  }
  auto route = provider.overlapping_route(fan.mapping.overlay());
  if (!route) {
    return std::move(route).error();
  }
  if (*route) {
    Error error;
    error.kind = ErrorClass::host_state;
    error.message = fmt::format("the overlay {} meets a route of this host: {}", fan.mapping.overlay().str(), **route);
    error.hint = "choose an overlay that this host has no route into, or remove the route";
    return error;
  }
  return {};
}

bool is_among(const Fan& fan, const std::vector<Fan>& fans) {
  return std::find(fans.begin(), fans.end(), fan) != fans.end();
}

Result<void> check(Provider& provider, const Fan& fan, const std::vector<Fan>& after, const Host& host,
                   const std::vector<Fan>& instead_of) {
  for (const Fan& old : host.fans) {
    if (old.slice() == fan.slice() && old.bridge != fan.bridge && !is_among(old, instead_of)) {
      Error error;
      error.kind = ErrorClass::host_state;
      error.message =
          fmt::format("this fan is up with the bridge {}; a bridge is not renamed while it is up", old.bridge);
      error.hint = fmt::format("run `fanctl down {}` first", old.bridge);
      return error;
    }
  }
  if (auto valid = validate(fan, after, host.facts); !valid) {
    return valid;
  }
  return check_new_mapping(provider, fan, host.fans);
}

// Devices on which forwarding has to be switched on now and that no record speaks of yet: a default route that moved,
// say.
void save_forwarding(std::vector<Fan>& fans, const Facts& facts) {
  for (Fan& fan : fans) {
    if (fan.spec.reach) {
      continue; // forwards nothing
    }
    for (const std::string& device : forwarding_devices(fan.device, facts)) {
      const LinkFact& link = *facts.link(device);
      if (!link.forwarding && saved_for(link, fans) == nullptr) {
        // One of this name that is gone had its own forwarding, which went with it.
        std::erase_if(fan.forwarding,
                      [&](const SavedForwarding& s) { return s.device == device && link_of(s, facts) == nullptr; });
        fan.forwarding.push_back({device, false, facts.forwarding, link.ifindex});
      }
    }
  }
}

Result<std::vector<Fan>> fans_of(Provider& provider, const FanSpec& spec, const Host& host,
                                 std::vector<std::string>& notes) {
  auto chosen = choose(provider, spec, host.facts, notes);
  if (!chosen) {
    return std::move(chosen).error();
  }
  std::vector<Fan> fans;
  for (const Candidate& candidate : *chosen) {
    auto with = with_link(provider, spec, candidate, host.facts);
    auto fan = with ? fan_of(provider, spec, *with, host) : Result<Fan>(std::move(with).error());
    if (!fan) {
      return std::move(fan).error();
    }
    fans.push_back(std::move(fan).value());
  }
  return fans;
}

} // namespace

Result<Resolution> resolve(Provider& provider, const FanSpec& spec, const Host& host,
                           const std::vector<Fan>& instead_of) {
  Resolution resolution;
  auto fans = fans_of(provider, spec, host, resolution.notes);
  if (!fans) {
    return std::move(fans).error();
  }
  resolution.asked = std::move(fans).value();
  resolution.after = host.fans;
  let_go(resolution, [&](const Fan& fan) { return is_among(fan, instead_of); });
  for (const Fan& fan : resolution.asked) {
    put_fan(resolution, fan);
  }
  for (const Fan& fan : resolution.asked) {
    if (auto valid = check(provider, fan, resolution.after, host, instead_of); !valid) {
      return std::move(valid).error();
    }
  }
  save_forwarding(resolution.after, host.facts);
  for (const Fan& fan : resolution.asked) {
    const Fan* old = moved_from(fan.spec, host.fans);
    if (old != nullptr && old->slice() != fan.slice()) {
      resolution.notes.push_back(note_of_move(provider, fan, *old, host.facts));
    }
  }
  return resolution;
}

} // namespace fan
