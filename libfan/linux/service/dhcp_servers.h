// The provider of DhcpServer objects: dnsmasq processes, one per fan bridge, which outlive whoever started them. What
// runs is read from /proc; no file says so.
#pragma once

#include <string>

#include "core/object.h"
#include "core/result.h"

namespace fan::service {

// Where lease files of this thread's network namespace go (Facts::state_directory): /var/lib/fanctl in the machine's
// first network namespace, /run/fanctl/netns-INODE in others, so that bridges of one name in two namespaces do not
// share a file.
std::string state_directory();

class DhcpServers {
public:
  // The servers of ours in this thread's network namespace, for all bridges, all ours = true. A bridge that has two of
  // them is seen with a last argument "twice", which differs from every desired one. One that has none, but the leases
  // of an earlier one, is seen as dead (core/dhcp.h).
  Result<ObservedSet> observe();

  // Create: the folder for the lease file, then the server; returns when it listens. Change: stop and start. Remove:
  // stop, and the lease file goes, and its folder when nothing else is in it. Errors (class host_state): dnsmasq is not
  // installed; dnsmasq's own words; a stale plan.
  Result<void> apply(const Change& change);
};

} // namespace fan::service
