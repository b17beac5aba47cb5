#include "linux/nft/context.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "core/errors.h"

namespace fan::nft {
namespace {

constexpr const char* privilege_hint =
    "this needs root, or CAP_NET_ADMIN in the network namespace's own user namespace";
constexpr const char* no_nftables_hint = "fanctl needs nftables with the inet family: kernel options CONFIG_NF_TABLES, "
                                         "CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT, "
                                         "CONFIG_NFT_FIB_INET; on a distribution's kernel try `modprobe nf_tables`";

// libnftables calls exit() when it cannot open this socket (src/mnl.c, nft_mnl_socket_open).
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

} // namespace

void Context::Free::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

Result<Context> Context::open() {
  if (Result<void> socket = probe_socket(); !socket) {
    return std::move(socket).error();
  }
  if (Result<void> privilege = probe_privilege(); !privilege) {
    return std::move(privilege).error();
  }
  Context made(nft_ctx_new(NFT_CTX_DEFAULT));
  if (made.context_ == nullptr || nft_ctx_buffer_output(made.context_.get()) != 0 ||
      nft_ctx_buffer_error(made.context_.get()) != 0) {
    return make_error(ErrorClass::kernel, "libnftables cannot be set up: out of memory");
  }
  // Protocols and priorities as numbers, as the names differ between systems; no counter values.
  nft_ctx_output_set_flags(made.context_.get(), NFT_CTX_OUTPUT_NUMERIC_PROTO | NFT_CTX_OUTPUT_NUMERIC_PRIO);
  return made;
}

Result<std::string> Context::run(const std::string& commands) {
  const int status = nft_run_cmd_from_buffer(context_.get(), commands.c_str());
  const char* errors = nft_ctx_get_error_buffer(context_.get());
  if (status != 0) {
    return error_of(errors != nullptr ? errors : "no text");
  }
  const char* output = nft_ctx_get_output_buffer(context_.get());
  return std::string(output != nullptr ? output : "");
}

} // namespace fan::nft
