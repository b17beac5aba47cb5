// The kernel's refusals as values of fan::Error: errno and extended-ACK text verbatim, class and hint added.
#pragma once

#include <string>

#include "core/result.h"

struct nlmsghdr;

namespace fan::netlink {

// From an errno (positive) and the extended-ACK text, "" for none. The message is "TEXT (EXXX)" or "strerror (EXXX)".
Error error_from(int sys_errno, std::string kernel_text);

// From a message of type NLMSG_ERROR with an error other than 0, or NLMSG_DONE with one. Reads the TLVs
// NLMSGERR_ATTR_MSG and NLMSGERR_ATTR_OFFS (include/uapi/linux/netlink.h); the offending attribute's offset is put at
// the end of the message.
Error error_from(const nlmsghdr& answer);

// The errno inside such a message, positive, 0 for an acknowledgement.
int errno_of(const nlmsghdr& answer);

} // namespace fan::netlink
