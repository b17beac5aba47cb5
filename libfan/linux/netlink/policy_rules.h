// The rules of routing, and which of them lead a fan's packets elsewhere. Reads only.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/fan.h"
#include "core/misleading_rule.h"
#include "core/policy_rule.h"
#include "core/result.h"
#include "linux/netlink/socket.h"

struct nlmsghdr;

namespace fan::netlink {

// Nothing for a message that is none of an IPv4 rule.
std::optional<PolicyRule> parse_rule(const nlmsghdr& message);

// In the order in which the kernel asks them.
Result<std::vector<PolicyRule>> list_rules(Socket& socket);

// Of each fan those without which its packets would go by its own devices, and do not. The kernel says where they go;
// of what a rule's route keeps inside the overlay nothing is told here, as that route is to blame. At most eight of a
// fan.
Result<std::vector<std::vector<MisleadingRule>>> misleading_rules(Socket& socket, std::span<const Fan> fans);

} // namespace fan::netlink
