#include "engine/trace.h"

#include <set>
#include <string>

#include "core/derive_ports.h"
#include "core/errors.h"
#include "engine/trace_walk.h"

namespace fan {
namespace {

// Loopback, class D and E above 240/4 excepted, 0/8: of no single machine.
Result<void> check_address(const char* which, Address address) {
  const std::uint32_t first = address.v4() >> 24U;
  const bool group = (first & 0xf0U) == 0xe0U;
  if (first == 0 || first == 127 || group || address.v4() == 0xffffffffU) {
    return usage_error(std::string(which) + " " + address.str() + " is no single machine's address on a network",
                       "give addresses of endpoints, of hosts or of the world");
  }
  return {};
}

Result<void> check(const Packet& packet) {
  Result<void> source = check_address("source", packet.source);
  Result<void> destination = source ? check_address("destination", packet.destination) : source;
  if (!destination) {
    return destination;
  }
  const std::uint32_t least = least_size(packet.protocol);
  if (packet.size < least || packet.size > 65535) {
    return usage_error("a packet of " + std::to_string(packet.size) + " bytes cannot be",
                       "its headers take " + std::to_string(least) + ", and 65535 is the most");
  }
  return {};
}

constexpr const char* every_device = "all"; // has its own setting, and either switches proxy ARP on

// Where the setting matters: on bridges of fans and on routed ports.
std::set<std::string> devices_asked_on(const Host& host) {
  std::set<std::string> devices{every_device};
  for (const Fan& fan : host.fans) {
    devices.insert(fan.bridge);
  }
  for (const auto& [port, forwarded] : host.facts.registry.routed) {
    devices.insert(port);
  }
  return devices;
}

std::set<std::string> proxies_among(const std::set<std::string>& devices, const ObservedSet& observed) {
  const auto answers = [&](const std::string& device) {
    const auto found = observed.find(key_of(Sysctl{proxy_key(device), ""}));
    const auto* setting = found == observed.end() ? nullptr : std::get_if<Sysctl>(&found->second.object);
    return setting != nullptr && setting->value != "0";
  };
  std::set<std::string> proxies;
  for (const std::string& device : devices) {
    if (answers(device) || answers(every_device)) {
      proxies.insert(device);
    }
  }
  return proxies;
}

Result<TraceHost> look_for_trace(Provider& provider) {
  Result<Host> host = look(provider);
  if (!host) {
    return std::move(host).error();
  }
  if (host->fans.empty()) {
    return host_error("no fan is up on this host", "fanctl up brings one up; fanctl explain needs none");
  }
  const std::set<std::string> devices = devices_asked_on(*host);
  Scope scope;
  for (const std::string& device : devices) {
    scope.sysctls.insert(proxy_key(device));
  }
  TraceHost seen{std::move(*host), {}, false, {}, {}};
  Result<ObservedSet> observed = provider.observe(scope);
  Result<firewall::Filters> filters = provider.filters();
  if (!observed || !filters) {
    return observed ? std::move(filters).error() : std::move(observed).error();
  }
  seen.filters = std::move(*filters);
  seen.proxies = proxies_among(devices, *observed);
  for (const auto& [key, one] : *observed) {
    if (const auto* element = std::get_if<SetElement>(&one.object)) {
      seen.elements.push_back(*element);
    } else if (const auto* ruleset = std::get_if<Ruleset>(&one.object);
               ruleset != nullptr && ruleset->table == NftTable::inet) {
      seen.table_is_ours = one.ours && ruleset->version == provider.ruleset_version();
    }
  }
  return seen;
}

} // namespace

Result<Trace> trace(Provider& provider, PacketView& view, const Packet& packet) {
  if (Result<void> good = check(packet); !good) {
    return std::move(good).error();
  }
  Result<TraceHost> seen = look_for_trace(provider);
  return seen ? TraceWalk(std::move(*seen), view, packet).follow() : std::move(seen).error();
}

} // namespace fan
