#include <algorithm>
#include <set>

#include "core/derive.h"
#include "core/errors.h"
#include "core/port_sets.h"
#include "core/record.h"
#include "core/render.h"
#include "core/resolve.h"
#include "engine/broadcast.h"
#include "engine/host.h"
#include "engine/requests.h"

namespace fan {
namespace {

Drift drift_of(const Change& change) {
  return {key_of(change.object()), kind_of(change.object()), change.after ? describe(*change.after) : "",
          change.before ? describe(*change.before) : ""};
}

void leave_unseen(Status& status, Error why) {
  status.complete = false;
  status.unseen = std::move(why);
}

PortStatus said_of(const Host& host, const Fan& fan) {
  PortStatus said;
  said.broadcast = broadcast_of(host, fan);
  const Registry& registry = host.facts.registry;
  std::set<std::string> secured;
  for (const auto& [address, endpoint] : registry.endpoints) {
    if (owns(fan, address)) {
      ++said.endpoints;
      if (registry.secured.count(endpoint.port) != 0) {
        secured.insert(endpoint.port);
      }
    }
  }
  said.secured.assign(secured.begin(), secured.end());
  return said;
}

// A tunnel packet arrives at the fan's address, by its device. Where that is on a device of no link, the fan's is the
// one into the underlay.
void note_host(FanStatus& status, const Facts& facts) {
  const Fan& fan = status.fan;
  const auto at = std::find_if(facts.addresses.begin(), facts.addresses.end(),
                               [&fan](const AddressFact& fact) { return fact.address == fan.host; });
  const LinkFact* link = at == facts.addresses.end() ? nullptr : facts.link(at->ifindex);
  const bool there = link != nullptr && facts.link(fan.device) != nullptr;
  if (there && (link->name == fan.device || is_linkless(*link))) {
    return;
  }
  const std::string address = "address " + fan.host.str();
  status.drift.push_back(
      {address, "host", address + " on " + fan.device, link == nullptr ? "" : address + " on " + link->name});
}

// What it consists of beside what its alias tells is not known.
void note_part(FanStatus& status) {
  if (status.fan.in_part) {
    const RecordRow row{status.fan.bridge, ""};
    status.drift.push_back({key_of(Object(row)), kind_of(Object(row)), key_of(Object(row)) + " with every option",
                            describe(RecordRow{row.bridge, alias_of(status.fan)})});
  }
}

// A shared object belongs to every fan that consists of it; what belongs to nobody is everybody's.
void share_out(const std::vector<Change>& changes, const Host& host, const Builds& builds,
               std::vector<FanStatus>& fans) {
  const ObjectSet all = derive(host.fans, host.facts, builds);
  for (FanStatus& status : fans) {
    const ObjectSet own = derive({status.fan}, host.facts, builds);
    status.objects = own.size();
    if (!status.fan.spec.reach) {
      status.said = said_of(host, status.fan);
    }
    for (const Change& change : changes) {
      const std::string key = key_of(change.object());
      if (own.count(key) != 0 || all.count(key) == 0) {
        status.drift.push_back(drift_of(change));
      }
    }
  }
}

} // namespace

Result<Status> status(Provider& provider) {
  auto host = look(provider);
  if (!host) {
    return std::move(host).error();
  }
  Status result;
  for (const Fan& fan : host->fans) {
    result.fans.push_back({fan, ports_of(host->facts, fan.bridge), {}, 0, {}});
  }
  if (!host->complete) {
    leave_unseen(result, make_error(ErrorClass::privilege,
                                    "read from the bridges alone: whether the rest is as it should be takes "
                                    "CAP_SYS_ADMIN to see"));
  }
  if (!host->unreadable.empty()) {
    leave_unseen(result, host->unreadable.front());
    result.unreadable = std::move(host->unreadable);
    return result;
  }
  if (!host->complete || host->fans.empty()) {
    return result;
  }
  auto changes = plan_to(provider, host->facts, host->fans, host->fans);
  if (!changes && changes.error().kind == ErrorClass::privilege) { // not seen is not missing
    leave_unseen(result, std::move(changes).error());
    return result;
  }
  if (!changes) { // something foreign stands in the place of an object of ours
    for (FanStatus& fan : result.fans) {
      fan.drift.push_back({"host", "host", "", changes.error().message});
    }
    return result;
  }
  for (FanStatus& fan : result.fans) {
    note_host(fan, host->facts);
    note_part(fan);
  }
  share_out(*changes, *host, {provider.program_build(), provider.ruleset_version()}, result.fans);
  return result;
}

std::vector<Fan> fans_of(const Status& status) {
  std::vector<Fan> fans;
  for (const FanStatus& one : status.fans) {
    fans.push_back(one.fan);
  }
  return fans;
}

} // namespace fan
