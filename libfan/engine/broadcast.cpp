#include "engine/broadcast.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "engine/port_requests.h"

namespace fan {
namespace {

// Ports without an endpoint: who is behind them would no longer be found by the others.
std::vector<std::string> unregistered_ports(const Host& host, const Fan& fan) {
  std::set<std::string> known;
  for (const auto& [address, endpoint] : host.facts.registry.endpoints) {
    known.insert(endpoint.port);
  }
  std::vector<std::string> ports = ports_of(host.facts, fan.bridge);
  std::erase_if(ports, [&](const std::string& port) { return known.count(port) != 0; });
  return ports;
}

Result<void> reset(Registry& registry, const Host& host, const Fan& fan, const RequestOptions& options) {
  const std::vector<std::string> left = unregistered_ports(host, fan);
  if (!left.empty() && !options.force && registry.quiet.count(fan.bridge) == 0) {
    return host_error(
        fmt::format("{} has ports without a registered endpoint, which the others would no longer find: {}", fan.bridge,
                    some_of(left)),
        "register them first (fanctl endpoint add), or repeat with --force");
  }
  registry.quiet.insert(fan.bridge);
  const std::vector<std::string> ports = ports_of(host.facts, fan.bridge);
  std::erase_if(registry.allowed, [&](const Sender& sender) {
    return std::find(ports.begin(), ports.end(), sender.port) != ports.end();
  });
  return {};
}

void switch_off(Registry& registry, const Fan& fan) {
  registry.quiet.erase(fan.bridge);
  registry.selective.erase(fan.bridge);
}

Error not_quiet(const Fan& fan) {
  return host_error("on " + fan.bridge + " everybody may send broadcasts",
                    "`fanctl broadcast reset --fan " + fan.bridge + "` lets nobody; then allow");
}

bool may_name_a_container(const std::string& word, const Host& host) {
  return !Mac::parse(word) && !Address::parse(word) && host.facts.link(word) == nullptr;
}

// Whoever of a container's devices is known on the bridge.
Result<std::set<Sender>> senders_of_container(Provider& provider, const Host& host, const Fan& fan,
                                              const std::string& name, const std::vector<std::string>& known_as) {
  std::set<Sender> senders;
  for (const std::string& word : known_as) {
    auto some = senders_of(provider, host, fan, word);
    if (!some && some.error().kind != ErrorClass::not_found) {
      return some;
    }
    if (some) {
      senders.merge(*some);
    }
  }
  if (senders.empty()) {
    return make_error(
        ErrorClass::not_found,
        fmt::format("{} has not heard of container {}, which is {}", fan.bridge, name, fmt::join(known_as, ", ")),
        "register it (fanctl endpoint add), or let it speak first");
  }
  return senders;
}

Result<std::set<Sender>> find_senders(Provider& provider, const Host& host, const Fan& fan, const std::string& word,
                                      const ContainerNames& containers) {
  auto senders = senders_of(provider, host, fan, word);
  if (senders || senders.error().kind != ErrorClass::not_found || !may_name_a_container(word, host)) {
    return senders;
  }
  const auto known_as = containers(word);
  if (known_as) {
    return senders_of_container(provider, host, fan, word, *known_as);
  }
  if (known_as.error().kind != ErrorClass::not_found) {
    return known_as.error();
  }
  Error error = senders.error();
  error.message += "; " + known_as.error().message;
  return error;
}

Result<void> add_to(Registry& registry, const Host& host, Provider& provider, const Fan& fan, BroadcastVerb verb,
                    const std::string& word, const ContainerNames& containers) {
  const auto senders = find_senders(provider, host, fan, word, containers);
  if (!senders) {
    return senders.error();
  }
  for (const Sender& sender : *senders) {
    if (verb == BroadcastVerb::allow) {
      registry.allowed.insert(sender);
    } else if (verb == BroadcastVerb::disallow) {
      registry.allowed.erase(sender);
    } else {
      registry.receivers.insert(sender.port);
    }
  }
  return {};
}

Result<void> edit(Registry& registry, const Host& host, Provider& provider, const Fan& fan, BroadcastVerb verb,
                  const std::vector<std::string>& who, const ContainerNames& containers,
                  const RequestOptions& options) {
  switch (verb) {
  case BroadcastVerb::off:
    switch_off(registry, fan);
    return {};
  case BroadcastVerb::reset:
    return reset(registry, host, fan, options);
  case BroadcastVerb::receivers:
    registry.selective.erase(fan.bridge);
    return {};
  case BroadcastVerb::receive:
    registry.selective.insert(fan.bridge);
    break;
  case BroadcastVerb::allow:
  case BroadcastVerb::disallow:
    if (registry.quiet.count(fan.bridge) == 0) {
      return not_quiet(fan);
    }
  }
  for (const std::string& word : who) {
    if (auto done = add_to(registry, host, provider, fan, verb, word, containers); !done) {
      return done;
    }
  }
  return {};
}

} // namespace

Result<Outcome> change_broadcast(Provider& provider, const std::optional<FanName>& name, BroadcastVerb verb,
                                 const std::vector<std::string>& who, const ContainerNames& containers,
                                 const RequestOptions& options) {
  const auto work = [&](const Host& host, const std::vector<Fan>& fans) -> Result<Registry> {
    Registry registry = host.facts.registry;
    if (!who.empty() && fans.size() > 1) {
      return host_error("more than one fan is meant", "name its bridge with --fan");
    }
    for (const Fan& fan : fans) {
      if (auto done = edit(registry, host, provider, fan, verb, who, containers, options); !done) {
        return std::move(done).error();
      }
    }
    return registry;
  };
  return change_registry(provider, name, work, options);
}

BroadcastStatus broadcast_of(const Host& host, const Fan& fan) {
  const Registry& registry = host.facts.registry;
  BroadcastStatus status{
      fan.bridge, registry.quiet.count(fan.bridge) != 0, {}, registry.selective.count(fan.bridge) != 0, {}, {}};
  for (const std::string& port : ports_of(host.facts, fan.bridge)) {
    std::copy_if(registry.allowed.begin(), registry.allowed.end(), std::back_inserter(status.allowed),
                 [&](const Sender& sender) { return sender.port == port; });
    if (registry.receivers.count(port) != 0) {
      status.receivers.push_back(port);
    }
  }
  return status;
}

namespace {

// Class not_found: no fan's bridge knows `word`.
Result<void> say_of(const std::string& word, Provider& provider, const Host& host, const std::vector<Fan>& fans,
                    const ContainerNames& containers, std::vector<BroadcastStatus>& all) {
  std::optional<Error> nowhere;
  bool found = false;
  for (BroadcastStatus& status : all) {
    const auto fan =
        std::find_if(fans.begin(), fans.end(), [&](const Fan& one) { return one.bridge == status.bridge; });
    const auto senders = find_senders(provider, host, *fan, word, containers);
    if (!senders && senders.error().kind != ErrorClass::not_found) {
      return senders.error();
    }
    if (!senders) {
      nowhere = senders.error();
      continue;
    }
    found = true;
    for (const Sender& sender : *senders) {
      status.asked.push_back({word, sender, !status.quiet || host.facts.registry.allowed.count(sender) != 0,
                              !status.selective || host.facts.registry.receivers.count(sender.port) != 0});
    }
  }
  return found || !nowhere ? Result<void>() : Result<void>(std::move(*nowhere));
}

} // namespace

Result<std::vector<BroadcastStatus>> list_broadcast(Provider& provider, const std::optional<FanName>& name,
                                                    const std::vector<std::string>& who,
                                                    const ContainerNames& containers) {
  auto host = look(provider);
  if (!host) {
    return std::move(host).error();
  }
  const std::vector<Fan> fans = name ? fans_named(*name, host->fans, host->facts) : host->fans;
  if (name && fans.empty()) {
    return no_such_fan(host->fans, name);
  }
  if (auto known = check_registry_known(host->facts); !known && !fans.empty()) {
    return std::move(known).error();
  }
  std::vector<BroadcastStatus> all;
  for (const Fan& fan : fans) {
    if (fan.spec.reach) {
      continue;
    }
    all.push_back(broadcast_of(*host, fan));
  }
  for (const std::string& word : who) {
    if (auto said = say_of(word, provider, *host, fans, containers, all); !said) {
      return std::move(said).error();
    }
  }
  return all;
}

} // namespace fan
