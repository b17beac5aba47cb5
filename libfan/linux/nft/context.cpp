#include "linux/nft/context.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/errors.h"

namespace fan::nft {
namespace {

constexpr const char* privilege_hint =
    "this needs root, or CAP_NET_ADMIN in the network namespace's own user namespace";
constexpr const char* no_nftables_hint = "fanctl needs nftables with the inet family: kernel options CONFIG_NF_TABLES, "
                                         "CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT, "
                                         "CONFIG_NFT_FIB_INET; on a distribution's kernel try `modprobe nf_tables`";

// A kernel without nfnetlink is told from other failures here.
Result<void> probe_socket() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) {
    Error error =
        make_error(ErrorClass::kernel, std::string("open a netfilter socket: ") + strerror(errno), no_nftables_hint);
    error.sys_errno = errno;
    return error;
  }
  close(fd);
  return {};
}

// Without the capability libnftables writes a line of its own to standard error.
Result<void> probe_privilege() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0 || (sets[0].effective & (1U << CAP_NET_ADMIN)) != 0) {
    return {};
  }
  Error error = make_error(ErrorClass::privilege, "nftables: no CAP_NET_ADMIN", privilege_hint);
  error.sys_errno = EPERM;
  return error;
}

// nft prints strerror() of the kernel's answer; it has no other way to give the number away.
int errno_in(const std::string& text) {
  constexpr std::array known = {EPERM,        ENOENT, EEXIST, EBUSY,     EOPNOTSUPP,
                                EAFNOSUPPORT, EINVAL, ENOMEM, ENOTEMPTY, ENFILE};
  const std::string first_line = text.substr(0, text.find('\n'));
  for (const int number : known) {
    if (first_line.find(strerror(number)) != std::string::npos) {
      return number;
    }
  }
  return 0;
}

Error error_of(const std::string& text) {
  Error error = make_error(ErrorClass::kernel, "nftables: " + text.substr(0, text.find('\n')));
  error.sys_errno = errno_in(text);
  error.kernel_text = text;
  if (error.sys_errno == EPERM) {
    error.kind = ErrorClass::privilege;
    error.hint = privilege_hint;
  } else if (error.sys_errno == EOPNOTSUPP || error.sys_errno == EAFNOSUPPORT) {
    error.message = "this kernel's nftables lacks what fanctl needs (family inet, nat, fib): " + error.message;
    error.hint = no_nftables_hint;
  }
  return error;
}

Result<std::string> judge(Worker::Answer answer) {
  if (answer.ended == Worker::Ended::done) {
    return std::move(answer.text);
  }
  Error error = error_of(answer.text.empty() ? "no text" : answer.text);
  if (answer.ended == Worker::Ended::gave_up) {
    error.message = "libnftables gave up: " + error.message;
  }
  return error;
}

} // namespace

Result<Context> Context::open(Where where) {
  if (Result<void> socket = probe_socket(); !socket) {
    return std::move(socket).error();
  }
  if (Result<void> privilege = probe_privilege(); !privilege) {
    return std::move(privilege).error();
  }
  return Context(where);
}

Result<std::string> Context::run(const std::string& commands) {
  if (!worker_ || (where_ == Where::here && !worker_->serves_here())) {
    worker_.reset();
    Result<Worker> started = Worker::start(where_);
    if (!started) {
      return std::move(started).error();
    }
    worker_ = std::move(started).value();
  }
  Result<Worker::Answer> answer = worker_->run(commands);
  if (!answer || answer->ended == Worker::Ended::gave_up) {
    worker_.reset();
  }
  return answer ? judge(std::move(answer).value()) : std::move(answer).error();
}

} // namespace fan::nft
