#include "engine/port_requests.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/derive_ports.h"
#include "core/errors.h"
#include "core/port_sets.h"
#include "core/record.h"
#include "core/validate_endpoint.h"
#include "engine/apply.h"
#include "engine/confirm.h"

namespace fan {
namespace {

Result<std::vector<Fan>> meant_by(const std::optional<FanName>& name, const Host& host) {
  std::vector<Fan> fans = name ? fans_named(*name, host.fans, host.facts) : host.fans;
  if (fans.empty()) {
    return no_such_fan(host.fans, name);
  }
  std::erase_if(fans, [](const Fan& fan) { return fan.spec.reach; });
  return fans.empty() ? Result<std::vector<Fan>>(host_error("this fan has no bridge of its own here (reach)")) : fans;
}

Result<void> check_known(const std::vector<Fan>& fans) {
  const auto part = std::find_if(fans.begin(), fans.end(), [](const Fan& fan) { return fan.in_part; });
  return part == fans.end() ? Result<void>() : known_in_part(*part);
}

const Fan* owner_of(Address address, const std::vector<Fan>& fans) {
  const auto found = std::find_if(fans.begin(), fans.end(), [&](const Fan& fan) { return owns(fan, address); });
  return found == fans.end() ? nullptr : &*found;
}

// What is said of ports is said as long as there is an endpoint behind them.
void forget_empty_ports(Registry& registry) {
  std::set<std::string> used;
  for (const auto& [address, endpoint] : registry.endpoints) {
    used.insert(endpoint.port);
  }
  std::erase_if(registry.secured, [&](const auto& secured) { return used.count(secured.first) == 0; });
  std::erase_if(registry.routed, [&](const auto& routed) { return used.count(routed.first) == 0; });
}

// The tables of bridges, each read once.
class Tables {
public:
  explicit Tables(Provider& provider) : provider_(provider) {}

  Result<const std::multimap<Mac, KnownMac>*> of(const std::string& bridge) {
    const auto [at, fresh] = tables_.try_emplace(bridge);
    if (fresh) {
      auto macs = provider_.known_macs(bridge);
      if (!macs) {
        return std::move(macs).error();
      }
      for (KnownMac& mac : *macs) {
        at->second.emplace(mac.mac, std::move(mac));
      }
    }
    return &at->second;
  }

private:
  Provider& provider_;
  std::map<std::string, std::multimap<Mac, KnownMac>> tables_;
};

Error is_own(const Mac& mac, const std::string& device) {
  return host_error(fmt::format("{} is the MAC address of the host's own device {}", mac.str(), device),
                    "name the MAC address of the container's end");
}

Result<void> check_unused(const Registration& endpoint, const Fan& fan, const std::multimap<Mac, KnownMac>& table) {
  const auto [begin, end] = table.equal_range(endpoint.mac);
  for (auto known = begin; known != end; ++known) {
    const KnownMac& there = known->second;
    if (there.own) {
      return is_own(endpoint.mac, there.port.empty() ? fan.bridge : there.port);
    }
    if (there.fixed) {
      return host_error(fmt::format("{} has an entry of somebody else's in the bridge's table, at port {}",
                                    endpoint.mac.str(), there.port),
                        fmt::format("bridge fdb del {} dev {} master", endpoint.mac.str(), there.port));
    }
    if (there.port != endpoint.port) {
      return host_error(fmt::format("{} was seen behind port {}", endpoint.mac.str(), there.port),
                        "name that port, or wait until the bridge has forgotten it (300 s)");
    }
  }
  return {};
}

Error placed(Error error, const EndpointRequest& request) {
  if (request.place && !error.place) {
    error.place = request.place;
  }
  return error;
}

// A port is routed for all of its endpoints, or for none.
Result<void> put_routed(Registry& registry, const EndpointRequest& request, const Facts& facts) {
  const std::string& port = request.endpoint.port;
  const LinkFact* link = facts.link(port);
  if (request.routed && registry.secured.count(port) != 0) {
    return host_error(port + " is a secured port, which a routed one cannot be",
                      "remove its endpoints first: fanctl endpoint del --port " + port);
  }
  if (request.routed) {
    const auto before = facts.registry.routed.find(port); // since then the forwarding is ours
    registry.routed.try_emplace(port, before != facts.registry.routed.end() ? before->second
                                                                            : link != nullptr && link->forwarding);
  } else if (registry.routed.count(port) != 0 && link != nullptr && link->master != 0) {
    registry.routed.erase(port); // it was attached to a bridge since
  } else if (registry.routed.count(port) != 0) {
    return host_error(port + " is a routed port", "say that of this endpoint too, or remove its others first: fanctl "
                                                  "endpoint del --port " +
                                                      port);
  }
  return {};
}

Result<void> put(Registry& registry, const EndpointRequest& request, const Facts& facts) {
  if (auto good = put_routed(registry, request, facts); !good) {
    return good;
  }
  registry.endpoints.insert_or_assign(request.endpoint.address, request.endpoint);
  if (request.secure) {
    auto& allowed = registry.secured[request.endpoint.port];
    for (const AnyPrefix& prefix : request.allow) {
      for (const AnyPrefix& other : allowed) {
        if (other != prefix && other.overlaps(prefix)) {
          return usage_error(
              fmt::format("{} and {} of port {} overlap", prefix.str(), other.str(), request.endpoint.port),
              fmt::format("give the larger one alone; what a port was allowed before is forgotten with its endpoints: "
                          "fanctl endpoint del --port {}",
                          request.endpoint.port));
        }
      }
      allowed.insert(prefix);
    }
  }
  return {};
}

Result<void> check_requests(Provider& provider, const Host& host, const std::vector<Fan>& fans,
                            const std::vector<EndpointRequest>& wanted, const Registry& registry) {
  Tables tables(provider);
  std::map<Mac, const Registration*> place_of;
  for (const EndpointRequest& request : wanted) {
    const Registration& endpoint = request.endpoint;
    const auto known = host.facts.registry.endpoints.find(endpoint.address);
    const Fan* fan = owner_of(endpoint.address, fans);
    if (fan == nullptr) {
      return placed(usage_error(endpoint.address.str() + " is in no slice of this host",
                                fmt::format("the slice of {} is {}", fans.front().bridge, fans.front().slice().str())),
                    request);
    }
    if (auto good = check_endpoint(endpoint, *fan, host.facts, request.routed); !good) {
      return placed(std::move(good).error(), request);
    }
    if (known != host.facts.registry.endpoints.end() && known->second == endpoint) {
      continue; // it is where it was
    }
    auto table = tables.of(fan->bridge);
    if (!table) {
      return std::move(table).error();
    }
    if (auto good = check_unused(endpoint, *fan, **table); !good) {
      return placed(std::move(good).error(), request);
    }
    const LinkFact* port = host.facts.link(endpoint.port); // a routed one is in no bridge's table
    if (port != nullptr && port->mac == endpoint.mac) {
      return placed(is_own(endpoint.mac, port->name), request);
    }
  }
  for (const auto& [address, endpoint] : registry.endpoints) {
    const auto [at, fresh] = place_of.try_emplace(endpoint.mac, &endpoint);
    if (fresh || at->second->port == endpoint.port) {
      continue;
    }
    const Registration& first = *at->second;
    const Registration& second = endpoint; // Clang 14 has no structured bindings in lambdas
    // Of two lines of a file the later one is the one too many.
    const auto who = std::find_if(wanted.rbegin(), wanted.rend(), [&](const EndpointRequest& request) {
      return request.endpoint == second || request.endpoint == first;
    });
    Error error =
        host_error(fmt::format("{} is the MAC address of {} on port {} and of {} on port {}", endpoint.mac.str(),
                               first.address.str(), first.port, address.str(), endpoint.port),
                   "two endpoints on different ports need different MAC addresses");
    return who == wanted.rend() ? error : placed(std::move(error), *who);
  }
  return {};
}

Result<void> check_doubles(const std::vector<EndpointRequest>& wanted) {
  std::set<Address> seen;
  for (const EndpointRequest& request : wanted) {
    if (!seen.insert(request.endpoint.address).second) {
      return placed(usage_error(request.endpoint.address.str() + " is given twice"), request);
    }
  }
  return {};
}

} // namespace

Result<std::set<Sender>> senders_of(Provider& provider, const Host& host, const Fan& fan, const std::string& word) {
  const auto mac = Mac::parse(word);
  const auto address = Address::parse(word);
  const auto bridges = bridges_of_ports(host.facts.links);
  std::set<Sender> senders;
  for (const auto& [at, endpoint] : host.facts.registry.endpoints) {
    const bool meant = mac ? endpoint.mac == *mac : address ? at == *address : endpoint.port == word;
    if (!meant || !owns(fan, at)) {
      continue;
    }
    if (const auto on = bridges.find(endpoint.port); on == bridges.end() || on->second != fan.bridge) {
      return host_error(fmt::format("{} is behind {}, which is no port of {}: no broadcast passes there", at.str(),
                                    endpoint.port, fan.bridge),
                        "attach the device to the bridge, and register its endpoint without --routed");
    }
    senders.insert({endpoint.port, endpoint.mac});
  }
  if (!senders.empty()) {
    return senders;
  }
  auto macs = provider.known_macs(fan.bridge);
  if (!macs) {
    return std::move(macs).error();
  }
  for (const KnownMac& known : *macs) {
    if (!known.own && !address && (mac ? known.mac == *mac : known.port == word)) {
      senders.insert({known.port, known.mac});
    }
  }
  if (senders.empty()) {
    return make_error(ErrorClass::not_found, "nobody on " + fan.bridge + " is known as " + quoted(word),
                      "name a registered endpoint's address, a port, or a MAC address that the bridge has seen");
  }
  return senders;
}

Result<Outcome> change_registry(Provider& provider, const std::optional<FanName>& name, const RegistryEdit& edit,
                                const RequestOptions& options) {
  auto host = look_to_change(provider);
  if (!host) {
    return std::move(host).error();
  }
  auto meant = meant_by(name, *host);
  if (!meant) {
    return std::move(meant).error();
  }
  if (auto known = check_known(*meant); !known) {
    return std::move(known).error();
  }
  auto registry = edit(*host, *meant);
  if (!registry) {
    return std::move(registry).error();
  }
  Facts after = host->facts;
  after.registry = std::move(registry).value();
  auto plan = plan_to(provider, host->facts, host->fans, after, host->fans);
  if (!plan) {
    return std::move(plan).error();
  }
  Outcome outcome;
  outcome.fans = std::move(meant).value();
  outcome.plan = std::move(plan).value();
  if (options.dry_run || outcome.plan.empty()) {
    return outcome;
  }
  if (auto applied = carry_out(provider, outcome.plan); !applied) {
    return std::move(applied).error();
  }
  if (auto confirmed = confirm(provider, after, host->fans, outcome.plan); !confirmed) {
    return std::move(confirmed).error();
  }
  return outcome;
}

Result<Outcome> add_endpoints(Provider& provider, const std::optional<FanName>& name,
                              const std::vector<EndpointRequest>& wanted, bool exactly, const RequestOptions& options) {
  const auto edit = [&](const Host& host, const std::vector<Fan>& fans) -> Result<Registry> {
    if (auto good = check_doubles(wanted); !good) {
      return std::move(good).error();
    }
    Registry registry = host.facts.registry;
    if (exactly) {
      std::erase_if(registry.endpoints, [&](const auto& one) { return owner_of(one.first, fans) != nullptr; });
      forget_empty_ports(registry);
    }
    for (const EndpointRequest& request : wanted) {
      if (auto good = put(registry, request, host.facts); !good) {
        return placed(std::move(good).error(), request);
      }
    }
    forget_empty_ports(registry);
    if (auto good = check_requests(provider, host, fans, wanted, registry); !good) {
      return std::move(good).error();
    }
    return registry;
  };
  return change_registry(provider, name, edit, options);
}

Result<Outcome> remove_endpoints(Provider& provider, const std::optional<FanName>& name, const EndpointSelector& which,
                                 const RequestOptions& options) {
  std::size_t removed = 0;
  const auto edit = [&](const Host& host, const std::vector<Fan>& fans) -> Result<Registry> {
    Registry registry = host.facts.registry;
    removed = std::erase_if(registry.endpoints, [&](const auto& one) {
      return which.selects(one.second) && owner_of(one.first, fans) != nullptr;
    });
    forget_empty_ports(registry);
    return registry;
  };
  auto outcome = change_registry(provider, name, edit, options);
  if (outcome && removed == 0) {
    outcome->notes.emplace_back("no such endpoint is registered: nothing was removed");
  }
  return outcome;
}

Result<void> check_registry_known(const Facts& facts) {
  return facts.registry_known
             ? Result<void>()
             : make_error(ErrorClass::privilege, "what is said of ports takes CAP_NET_ADMIN to see", "run it as root");
}

Result<std::vector<EndpointStatus>> list_endpoints(Provider& provider, const std::optional<FanName>& name) {
  auto host = look(provider);
  if (!host) {
    return std::move(host).error();
  }
  std::vector<EndpointStatus> all;
  if (!name && host->fans.empty()) {
    return all;
  }
  auto meant = meant_by(name, *host);
  if (!meant) {
    return std::move(meant).error();
  }
  if (auto known = check_registry_known(host->facts); !known) {
    return std::move(known).error();
  }
  const Registry& registry = host->facts.registry;
  for (const auto& [address, endpoint] : registry.endpoints) {
    const Fan* fan = owner_of(address, *meant);
    if (fan == nullptr) {
      continue;
    }
    EndpointStatus status{.endpoint = endpoint, .bridge = fan->bridge};
    status.routed = registry.routed.count(endpoint.port) != 0;
    status.attached = status.routed ? is_routed_to(endpoint, *fan, host->facts)
                                    : check_port(endpoint.port, *fan, host->facts, false).ok();
    if (const auto secured = registry.secured.find(endpoint.port); secured != registry.secured.end()) {
      status.secured = true;
      status.allow.assign(secured->second.begin(), secured->second.end());
    }
    all.push_back(std::move(status));
  }
  return all;
}

} // namespace fan
