// The functions of the table in check.cpp.
#pragma once

#include "doctor/check.h"

namespace fan::doctor {

void check_drift(const Evidence& evidence, Findings& findings);
void check_programs(const Evidence& evidence, Findings& findings);
void check_tcx(const Evidence& evidence, Findings& findings);
void check_firewall(const Evidence& evidence, Findings& findings);
void check_bridged_frames(const Evidence& evidence, Findings& findings);
void check_underlay(const Evidence& evidence, Findings& findings);
void check_reverse_path(const Evidence& evidence, Findings& findings);
void check_mtu(const Evidence& evidence, Findings& findings);
void check_tunnel_owners(const Evidence& evidence, Findings& findings);
void check_routes(const Evidence& evidence, Findings& findings);
void check_policy_rules(const Evidence& evidence, Findings& findings);
void check_address(const Evidence& evidence, Findings& findings);
void check_twins(const Evidence& evidence, Findings& findings);
void check_overlaps(const Evidence& evidence, Findings& findings);
void check_dhcp(const Evidence& evidence, Findings& findings);
void check_docker(const Evidence& evidence, Findings& findings);
void check_networkd(const Evidence& evidence, Findings& findings);
void check_network_manager(const Evidence& evidence, Findings& findings);
void check_units(const Evidence& evidence, Findings& findings);
void check_conntrack(const Evidence& evidence, Findings& findings);
void check_neighbours(const Evidence& evidence, Findings& findings);
void check_ports(const Evidence& evidence, Findings& findings);
void check_kernel_log(const Evidence& evidence, Findings& findings);
void check_refusals(const Evidence& evidence, Findings& findings);
void check_reserved(const Evidence& evidence, Findings& findings);

} // namespace fan::doctor
