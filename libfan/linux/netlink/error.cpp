#include "linux/netlink/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <linux/capability.h>

#include "linux/netlink/attributes.h"

namespace fan::netlink {
namespace {

constexpr int largest_errno = 4095; // MAX_ERRNO of the kernel (linux/err.h)

ErrorClass class_of(int sys_errno) {
  switch (sys_errno) {
  case EPERM:
  case EACCES:
    return ErrorClass::privilege;
  case EEXIST:
  case ENODEV:
  case ENOENT:
  case ESRCH:
  case EADDRNOTAVAIL:
  case EADDRINUSE:
  case EBUSY:
  case ENETDOWN:
  case ENETUNREACH:
  case EINTR:
    return ErrorClass::host_state;
  default:
    return ErrorClass::kernel;
  }
}

// Whether this thread has CAP_NET_ADMIN in its user namespace (proc(5), CapEff).
bool has_net_admin() {
  std::ifstream status("/proc/thread-self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("CapEff:", 0) == 0)
      return ((std::strtoull(line.c_str() + 7, nullptr, 16) >> CAP_NET_ADMIN) & 1U) != 0;
  return false;
}

std::string privilege_hint() {
  if (!has_net_admin())
    return "run it as root: it needs the capability CAP_NET_ADMIN";
  return "CAP_NET_ADMIN is there and this is refused all the same: the network namespace belongs to another user "
         "namespace, or seccomp or lockdown is in the way";
}

std::string hint_for(int sys_errno) {
  if (sys_errno == EPERM || sys_errno == EACCES)
    return privilege_hint();
  if (sys_errno == EINTR)
    return "something changes the network all the time; try again";
  return "";
}

// The attributes behind the copied request, which is cut down to its header when the socket asks for it or on success.
Attributes acknowledgement_details(const nlmsghdr& answer) {
  const auto* body = header_of<nlmsgerr>(answer);
  if (body == nullptr || (answer.nlmsg_flags & NLM_F_ACK_TLVS) == 0)
    return {nullptr, 0};
  std::size_t skip = sizeof(nlmsgerr);
  if ((answer.nlmsg_flags & NLM_F_CAPPED) == 0 && body->msg.nlmsg_len >= NLMSG_HDRLEN)
    skip += NLMSG_ALIGN(body->msg.nlmsg_len - NLMSG_HDRLEN);
  return Attributes::of(answer, skip);
}

// In NLMSG_DONE the details follow the error number itself.
Attributes details_of(const nlmsghdr& answer) {
  return answer.nlmsg_type == NLMSG_DONE ? Attributes::of(answer, sizeof(int)) : acknowledgement_details(answer);
}

} // namespace

Error error_from(int sys_errno, std::string kernel_text) {
  const char* name = strerrorname_np(sys_errno);
  Error error;
  error.kind = class_of(sys_errno);
  error.message = fmt::format("{} ({})", kernel_text.empty() ? std::string(strerror(sys_errno)) : kernel_text,
                              name == nullptr ? std::to_string(sys_errno) : name);
  error.hint = hint_for(sys_errno);
  error.sys_errno = sys_errno;
  error.kernel_text = std::move(kernel_text);
  return error;
}

Error error_from(const nlmsghdr& answer) {
  const Attributes details = details_of(answer);
  Error error = error_from(errno_of(answer), details.text(NLMSGERR_ATTR_MSG));
  if (const auto offset = details.u32(NLMSGERR_ATTR_OFFS))
    error.message += fmt::format(", attribute at byte {}", *offset);
  return error;
}

int errno_of(const nlmsghdr& answer) {
  const auto* number = header_of<int>(answer); // the first member of nlmsgerr, and NLMSG_DONE's only one
  if (number == nullptr || *number == 0) {
    return 0;
  }
  return *number < 0 && *number >= -largest_errno ? -*number : EPROTO; // never taken for an acknowledgement
}

} // namespace fan::netlink
