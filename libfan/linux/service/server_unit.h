// The systemd unit of a fan bridge's DHCP server, fanctl-dhcp@BRIDGE.service: a cgroup of its own, whoever brought the
// fan up, and a new start when it dies. Knows of dnsmasq only that it is given words.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/result.h"

namespace fan::service {

// As a unit the server is told to name its process in a file, which its arguments otherwise forbid: systemd learns from
// it which process to watch, and believes it only of one of the unit. We do not read it.
inline constexpr const char* no_pid_file = "--pid-file=";
inline constexpr const char* unit_pid_file = "--pid-file=/run/fanctl/dhcp/";

// This thread's network namespace is the one of process 1.
bool in_first_netns();

// systemd is process 1 of this network namespace, has the unit, and can be told these words by a file: no spaces,
// quotes, backslashes or dollars. Without systemd, and in any other network namespace, servers are processes of nobody.
bool can_be_unit(const std::string& bridge, const std::vector<std::string>& argv);

// The process belongs to the unit of this bridge.
bool is_of_unit(pid_t pid, const std::string& bridge);

// Writes the unit's file of arguments and starts it; returns when the server listens. Error: class host_state, with
// what the server printed on standard error as kernel_text; the unit is stopped again then.
Result<void> start_unit(const std::string& bridge, const std::vector<std::string>& argv);

// Stops the unit and removes its files; also one that is about to be started again. Nothing to stop is a success.
Result<void> stop_unit(const std::string& bridge);

} // namespace fan::service
