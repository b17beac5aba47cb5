#include "linux/kernel_provider.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>

#include "core/port_sets.h"
#include "core/ruleset.h"
#include "linux/netlink/inspection.h"
#include "linux/netlink/network.h"
#include "linux/sysctl/sysctls.h"

namespace fan {
namespace {

bool is_firewall_object(const Object& object) {
  return std::holds_alternative<Ruleset>(object) || std::holds_alternative<SetElement>(object);
}

Error no_transaction() {
  Error error;
  error.message = "a transaction is one change, or several of the firewall's or of ports only";
  error.sys_errno = EINVAL;
  return error;
}

std::vector<bpf::Device> pick(const std::vector<LinkFact>& links, const std::set<std::string>& also) {
  std::vector<bpf::Device> devices;
  for (const LinkFact& link : links) {
    if (netlink::bears_our_sign(link) || also.count(link.name) != 0) {
      devices.push_back({link.ifindex, link.name});
    }
  }
  return devices;
}

} // namespace

Result<std::vector<bpf::Device>> KernelProvider::devices() {
  const auto links = netlink::Network::links();
  return links ? Result(pick(*links, {})) : links.error();
}

Result<Facts> KernelProvider::facts() {
  auto facts = network_.facts();
  if (!facts) {
    return facts;
  }
  facts->state_directory = service::state_directory();
  const auto forwarding = sysctl::read("net/ipv4/ip_forward");
  if (!forwarding) {
    return forwarding.error();
  }
  facts->forwarding = *forwarding == "1";
  if (const auto most = sysctl::read("net/ipv4/neigh/default/gc_thresh3"); most && *most) { // in the first namespace
    facts->neighbours_at_most = std::strtoull((*most)->c_str(), nullptr, 10);
  }
  if (auto said = registry(facts->links)) {
    facts->registry = std::move(said).value();
  } else if (said.error().kind == ErrorClass::privilege) {
    facts->registry_known = false; // whoever may not read nftables sees the fans all the same
  } else {
    return std::move(said).error();
  }
  auto records = programs_.records(pick(facts->links, {}));
  if (records) {
    for (RecordRow& row : *records) {
      facts->records.push_back({std::move(row.bridge), std::move(row.text)});
    }
  } else if (records.error().kind == ErrorClass::privilege) {
    facts->records_known = false; // looking at devices needs no privilege, and their aliases say most of it
  } else {
    return std::move(records).error();
  }
  return facts;
}

// A host without nftables has fans all the same, and nothing is said of their ports: to change anything observe() has
// to read it too.
Result<Registry> KernelProvider::registry(const std::vector<LinkFact>& links) {
  auto remembered = network_.remembered(links);
  if (!remembered) {
    return remembered;
  }
  auto said = firewall_.registry(*remembered, links);
  if (!said) {
    return said.error().kind == ErrorClass::kernel ? Result<Registry>(Registry()) : std::move(said).error();
  }
  return *said ? std::move(**said) : registry_of({}, *remembered, links);
}

Result<std::vector<KnownMac>> KernelProvider::known_macs(const std::string& bridge) {
  return network_.known_macs(bridge);
}

Result<std::uint32_t> KernelProvider::path_mtu(const Prefix& underlay, Address source, const std::string& device) {
  return network_.path_mtu(underlay, source, device);
}

Result<std::optional<Address>> KernelProvider::preferred_source(const Prefix& underlay, const std::string& device) {
  return network_.preferred_source(underlay, device);
}

Result<std::optional<std::string>> KernelProvider::device_into(const Prefix& underlay) {
  return netlink::Inspection::device_into(underlay, 0);
}

Result<std::vector<Endpoint>> KernelProvider::endpoints(const std::string& bridge) {
  return netlink::Network::endpoints(bridge);
}

Result<std::optional<std::string>> KernelProvider::overlapping_route(const Prefix& overlay) {
  return netlink::Network::overlapping_route(overlay);
}

Result<std::vector<std::vector<MisleadingRule>>> KernelProvider::misleading_rules(std::span<const Fan> fans) {
  return netlink::Network::misleading_rules(fans);
}

std::string KernelProvider::program_build() const {
  return bpf::program_build();
}

std::string KernelProvider::ruleset_version() const {
  return fan::ruleset_version();
}

Result<ObservedSet> KernelProvider::observe_programs(const Scope& scope) {
  const auto links = network_.observed_links();
  return links ? programs_.observe(pick(*links, scope.devices), scope.leaving) : links.error();
}

Result<ObservedSet> KernelProvider::observe(const Scope& scope) {
  const std::array<std::function<Result<ObservedSet>()>, 5> rooms = {
      [&] { return network_.observe(scope); }, [&] { return observe_programs(scope); },
      [&] { return firewall_.observe(); }, [&] { return sysctl::observe(scope.sysctls); },
      [&] { return servers_.observe(); }};
  ObservedSet seen;
  for (const auto& room : rooms) {
    auto part = room();
    if (!part) {
      return part;
    }
    if (seen.empty()) {
      seen = std::move(*part);
    } else {
      seen.merge(*part);
    }
  }
  return seen;
}

Result<void> KernelProvider::apply(std::span<const Change> transaction) {
  const auto are_all = [&](bool (*kind)(const Object&)) {
    return std::all_of(transaction.begin(), transaction.end(),
                       [&](const Change& change) { return kind(change.object()); });
  };
  if (transaction.empty()) {
    return no_transaction();
  }
  if (are_all(is_firewall_object)) {
    return firewall_.apply(transaction);
  }
  if (are_all(is_port_object)) {
    return network_.apply(transaction);
  }
  return transaction.size() == 1 ? apply_one(transaction.front()) : no_transaction();
}

Result<void> KernelProvider::apply_one(const Change& change) {
  const Object& object = change.object();
  if (netlink::is_network_object(object)) {
    return network_.apply({&change, 1});
  }
  if (std::holds_alternative<Sysctl>(object)) {
    return sysctl::apply(change);
  }
  return std::holds_alternative<DhcpServer>(object) ? servers_.apply(change) : programs_.apply(change);
}

Result<std::vector<bpf::Count>> KernelProvider::counters() {
  const auto found = devices();
  return found ? programs_.counters(*found) : found.error();
}

Result<std::vector<netlink::LinkCounters>> KernelProvider::link_counters() {
  return netlink::Network::counters();
}

Result<std::vector<bpf::Refusal>> KernelProvider::refused() {
  const auto found = devices();
  return found ? programs_.refused(*found) : found.error();
}

} // namespace fan
