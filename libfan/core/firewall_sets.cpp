#include "core/firewall_sets.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/names.h"
#include "core/port_sets.h"

namespace fan {
namespace {

// Those prefixes that no other one contains, each once.
std::vector<Prefix> largest_of(std::vector<Prefix> prefixes) {
  std::sort(prefixes.begin(), prefixes.end(), [](const Prefix& a, const Prefix& b) {
    return a.network() != b.network() ? a.network() < b.network() : a.length() < b.length();
  });
  std::vector<Prefix> largest;
  for (const Prefix& prefix : prefixes) {
    if (largest.empty() || !largest.back().contains(prefix)) {
      largest.push_back(prefix);
    }
  }
  return largest;
}

std::vector<Prefix> exposed_of(const Fan& fan) {
  return fan.spec.expose_all ? std::vector<Prefix>{fan.slice()} : largest_of(fan.spec.expose);
}

void put_networks(const Fan& fan, std::vector<SetElement>& elements) {
  const std::string overlay = prefix_element(fan.mapping.overlay());
  const std::string slice = prefix_element(fan.slice());
  elements.push_back({firewall::overlays, overlay, {}});
  elements.push_back({firewall::slices, slice, {}});
  elements.push_back({firewall::gateways, overlay, fan.gateway().str()});
  if (fan.spec.reach) {
    return; // no bridge, nothing behind it
  }
  if (fan.spec.nat) {
    elements.push_back({firewall::nat_slices, slice, {}});
  }
  if (fan.spec.shortcut) {
    elements.push_back({firewall::shortcuts, slice, {}});
  }
  for (const Prefix& prefix : exposed_of(fan)) {
    elements.push_back({firewall::exposed, prefix_element(prefix), {}});
  }
  elements.push_back({firewall::bridges, device_element(fan.bridge), {}});
  elements.push_back({firewall::bridge_slices, device_element(fan.bridge) + " . " + slice, {}});
}

std::vector<std::string> tunnels_of(const Fan& fan) {
  std::vector<std::string> names;
  for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan}) {
    if (fan.accepts(e)) {
      names.push_back(tunnel_name(e, fan.port()));
    }
  }
  return names;
}

// The words that say what may be asked of this host by a device with endpoints behind it.
void put_closed(const Fan& fan, const std::string& device, std::vector<SetElement>& elements) {
  if (fan.spec.host_access != HostAccess::all) {
    elements.push_back({firewall::closed_bridges, device_element(device), {}});
  }
  if (fan.spec.block_metadata) {
    elements.push_back({firewall::no_metadata, device_element(device), {}});
  }
}

// DHCP is asked for by whoever has no address yet, of everybody; DNS over either protocol, of the gateway.
void put_served(const Fan& fan, std::vector<SetElement>& elements) {
  const std::string at_gateway = device_element(fan.bridge) + " . " + fan.gateway().str();
  for (const char* service : {" . 17 . 53", " . 6 . 53", " . 17 . 67"}) {
    elements.push_back({firewall::served, at_gateway + service, {}});
  }
  elements.push_back({firewall::served, device_element(fan.bridge) + " . 255.255.255.255 . 17 . 67", {}});
}

// What endpoints, here and on other hosts, may ask of this host.
void put_host_access(const Fan& fan, std::vector<SetElement>& elements) {
  const HostAccess access = fan.spec.host_access;
  std::vector<std::string> devices = tunnels_of(fan);
  if (!fan.spec.reach) {
    devices.push_back(fan.bridge);
  }
  if (access != HostAccess::all) {
    elements.push_back({firewall::closed_slices, prefix_element(fan.slice()), {}});
  }
  for (const std::string& device : access == HostAccess::dhcp ? devices : std::vector<std::string>{}) {
    elements.push_back({firewall::pinged, device_element(device) + " . " + fan.gateway().str(), {}});
  }
  if (access == HostAccess::dhcp && fan.spec.dhcp) {
    put_served(fan, elements);
  }
}

void put_apart(const Fan& fan, std::vector<SetElement>& elements) {
  if (!fan.spec.isolate) {
    elements.push_back({firewall::open_slices, prefix_element(fan.slice()), {}});
  }
  if (!fan.spec.reach) {
    put_closed(fan, fan.bridge, elements);
  }
}

void put_tunnels(const Fan& fan, std::vector<SetElement>& elements) {
  for (const Encapsulation e : {Encapsulation::ipip, Encapsulation::vxlan}) {
    if (!fan.accepts(e)) {
      continue;
    }
    elements.push_back({firewall::tunnels, device_element(tunnel_name(e, fan.port())), {}});
    if (e == Encapsulation::ipip) {
      elements.push_back({firewall::protocols, "4", {}});
    } else {
      elements.push_back({firewall::ports, std::to_string(fan.port()), {}});
    }
  }
}

void put_underlay(const Fan& fan, std::vector<SetElement>& elements) {
  elements.push_back({firewall::underlays, device_element(fan.device) + " . " + fan.host.str(), {}});
  elements.push_back({firewall::underlay_nets, prefix_element(fan.mapping.underlay()), {}});
}

std::vector<Prefix> underlays_of(const std::vector<Fan>& fans) {
  std::vector<Prefix> underlays;
  for (const Fan& fan : fans) {
    underlays.push_back(fan.mapping.underlay());
  }
  return largest_of(std::move(underlays));
}

// A key as device (with " . ", or nothing) and prefix; no prefix where the key has none.
std::pair<std::string_view, std::optional<Prefix>> parts_of(std::string_view element) {
  const std::size_t space = element.rfind(' ');
  const std::size_t start = space == std::string_view::npos ? 0 : space + 1;
  const std::string text(element.substr(start));
  const auto prefix = Prefix::parse(text.find('/') == std::string::npos ? text + "/32" : text);
  return {element.substr(0, start), prefix ? std::optional(*prefix) : std::nullopt};
}

} // namespace

std::string prefix_element(const Prefix& prefix) {
  return prefix.length() == 32 ? prefix.network().str() : prefix.str();
}

std::string device_element(const std::string& device) {
  return '"' + device + '"';
}

std::vector<SetElement> firewall_elements(const Fan& fan) {
  std::vector<SetElement> elements;
  put_networks(fan, elements);
  put_tunnels(fan, elements);
  put_underlay(fan, elements);
  put_host_access(fan, elements);
  put_apart(fan, elements);
  return elements;
}

// The host's own addresses belong to what it may speak to (chain other_fan); as sources they are martian.
std::vector<SetElement> routed_elements(const Fan& fan, const std::string& port, Address endpoint) {
  std::vector<SetElement> elements{{firewall::bridges, device_element(port), {}}};
  const std::string device = device_element(port) + " . ";
  elements.push_back({firewall::port_addresses, device + endpoint.str(), {}});
  for (std::uint32_t n = 1; n <= fan.spec.host_reserve; ++n) {
    elements.push_back({firewall::port_addresses, device + fan.slice().at(n).str(), {}});
  }
  put_closed(fan, port, elements);
  if (fan.spec.host_access == HostAccess::dhcp) {
    elements.push_back({firewall::pinged, device + fan.gateway().str(), {}});
  }
  if (fan.spec.host_access == HostAccess::dhcp && fan.spec.dhcp) {
    for (const char* service : {" . 17 . 53", " . 6 . 53"}) {
      elements.push_back({firewall::served, device + fan.gateway().str() + service, {}});
    }
  }
  return elements;
}

std::vector<SetElement> firewall_elements(const std::vector<Fan>& fans) {
  std::vector<SetElement> elements;
  for (const Prefix& underlay : underlays_of(fans)) {
    elements.push_back({firewall::underlay_nets, prefix_element(underlay), {}});
  }
  std::set<std::pair<std::string, std::string>> keys;
  for (const Fan& fan : fans) {
    for (SetElement& element : firewall_elements(fan)) {
      if (element.set != firewall::underlay_nets && keys.emplace(element.set, element.element).second) {
        elements.push_back(std::move(element));
      }
    }
  }
  return elements;
}

namespace {

bool is_of_ipv6(const SetElement& element) {
  return element.table == NftTable::bridge &&
         (element.set == port_sets::prefixes6 || element.set == port_sets::target_prefixes6);
}

std::string_view port_in(std::string_view element) {
  return element.substr(0, element.find(" . "));
}

} // namespace

bool holds_intervals(const SetElement& element) {
  return element.table == NftTable::inet ? element.set != firewall::port_addresses // of which there may be thousands
                                         : element.set == port_sets::prefixes || is_of_ipv6(element);
}

bool elements_clash(const SetElement& a, const SetElement& b) {
  if (a.table != b.table || a.set != b.set || a.element == b.element) {
    return false;
  }
  if (is_of_ipv6(a)) {
    return port_in(a.element) == port_in(b.element);
  }
  const auto [a_device, a_prefix] = parts_of(a.element);
  const auto [b_device, b_prefix] = parts_of(b.element);
  return a_device == b_device && a_prefix && b_prefix && a_prefix->overlaps(*b_prefix);
}

} // namespace fan
