// The engine's Provider over the running kernel: puts the rooms below together. Holds no knowledge of netlink, BPF,
// nftables or processes, only of which room each kind of object is at home in.
#pragma once

#include <vector>

#include "engine/provider.h"
#include "linux/bpf/programs.h"
#include "linux/netlink/link_counters.h"
#include "linux/netlink/network.h"
#include "linux/nft/firewall.h"
#include "linux/service/dhcp_servers.h"

namespace fan {

// Works in the network namespace of the thread that uses it; one object belongs to one namespace and one thread.
class KernelProvider : public Provider {
public:
  Result<Facts> facts() override;
  Result<std::uint32_t> path_mtu(const Prefix& underlay, Address source, const std::string& device) override;
  Result<std::optional<Address>> preferred_source(const Prefix& underlay, const std::string& device) override;
  Result<std::optional<std::string>> device_into(const Prefix& underlay) override;
  Result<std::optional<std::string>> overlapping_route(const Prefix& overlay) override;
  Result<std::vector<std::vector<MisleadingRule>>> misleading_rules(std::span<const Fan> fans) override;
  Result<std::vector<Endpoint>> endpoints(const std::string& bridge) override;
  Result<std::vector<KnownMac>> known_macs(const std::string& bridge) override;
  Result<firewall::Filters> filters() override { return firewall_.filters(); }
  [[nodiscard]] std::string program_build() const override;
  [[nodiscard]] std::string ruleset_version() const override;
  // Programs and rows: of the devices that bear our sign and of scope.devices.
  Result<ObservedSet> observe(const Scope& scope) override;
  Result<void> apply(std::span<const Change> transaction) override;

  // For `show --stats` and `show --refused`; empty while no fan is up.
  Result<std::vector<bpf::Count>> counters();
  Result<std::vector<bpf::Refusal>> refused();
  // For `metrics`.
  static Result<std::vector<netlink::LinkCounters>> link_counters();
  Result<std::vector<nft::DropCount>> nft_counts(NftTable table) { return firewall_.counts(table); }
  // For --dry-run: the maps that the lines have to work on; empty while no fan is up.
  [[nodiscard]] std::vector<bpf::MapId> maps_in_use() const { return programs_.maps_in_use(); }
  [[nodiscard]] std::vector<std::string> last_lines(const std::vector<Change>& changes) const {
    return programs_.last_lines(changes);
  }

private:
  // Those that bear our sign.
  static Result<std::vector<bpf::Device>> devices();
  Result<ObservedSet> observe_programs(const Scope& scope);
  Result<void> apply_one(const Change& change);
  Result<Registry> registry(const std::vector<LinkFact>& links);

  netlink::Network network_;
  bpf::Programs programs_;
  nft::Firewall firewall_;
  service::DhcpServers servers_;
};

} // namespace fan
