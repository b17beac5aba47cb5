#include "doctor/check.h"

#include <array>

#include "doctor/checks.h"

namespace fan::doctor {
namespace {

// What is wrong with the fan itself comes first, then what stands in its way, then what may.
constexpr std::array table{
    Check{"drift", "the fan's own objects, forwarding among them, against what they should be", check_drift},
    Check{"bpf", "whether this kernel takes each of the BPF programs", check_programs},
    Check{"tcx", "programs of others that run before the fan's on its devices", check_tcx},
    Check{"firewall", "the fan's packets in the filters of others", check_firewall},
    Check{"bridged-frames", "frames between two ports of the bridge in these filters (br_netfilter)",
          check_bridged_frames},
    Check{"underlay", "whether tunnel packets can leave this host at all", check_underlay},
    Check{"rp-filter", "whether reverse path filtering refuses tunnel packets", check_reverse_path},
    Check{"mtu", "the MTU of underlay, tunnel, bridge and every port", check_mtu},
    Check{"tunnel-owner", "tunnel devices of others that take the fan's packets", check_tunnel_owners},
    Check{"route", "routes of others to a part of the overlay", check_routes},
    Check{"policy-rule", "rules of routing that lead the fan's packets elsewhere", check_policy_rules},
    Check{"address", "the host's underlay address, and how long it stays", check_address},
    Check{"twin", "hosts of another underlay that would have the same slice", check_twins},
    Check{"overlap", "slices and overlays of this host that overlap", check_overlaps},
    Check{"dhcp", "whether dnsmasq is there, and alone on the bridge", check_dhcp},
    Check{"docker", "Docker's address pools and its MTU", check_docker},
    Check{"networkd", "whether systemd-networkd leaves the fan's devices alone", check_networkd},
    Check{"network-manager", "whether NetworkManager leaves the fan's devices alone", check_network_manager},
    Check{"units", "whether the fans of the configuration come up at boot", check_units},
    Check{"conntrack", "how full the table of connections is", check_conntrack},
    Check{"neighbours", "how full the table of neighbours is", check_neighbours},
    Check{"ports", "whether a bridge has more ports than it can have or serve", check_ports},
    Check{"kernel-log", "denials by a security module in the kernel's log and auditd's", check_kernel_log},
    Check{"refused", "whose packets were refused most, and why", check_refusals},
    Check{"reserved-space", "whether other systems take the overlay for reserved", check_reserved},
};

} // namespace

std::span<const Check> checks() {
  return table;
}

Findings examine(const Evidence& evidence) {
  Findings findings;
  for (const Check& check : table) {
    findings.begin(check.id);
    check.run(evidence, findings);
  }
  return findings;
}

} // namespace fan::doctor
