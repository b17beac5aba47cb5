#include "linux/nft/context.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

struct Free {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// --- the process that is libnftables'

// Its exit status. Others are libnftables' own.
constexpr int has_done = 40;
constexpr int has_failed = 41;

// A file without a name, for what the process has to say.
class Answer {
public:
  Answer() : descriptor_(memfd_create("nft", MFD_CLOEXEC)) {}
  ~Answer() {
    if (descriptor_ >= 0) {
      close(descriptor_);
    }
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::string text() const {
    std::string all;
    std::array<char, 16384> part{};
    ssize_t length = 0;
    while ((length = pread(descriptor_, part.data(), part.size(), static_cast<off_t>(all.size()))) > 0) {
      all.append(part.data(), static_cast<std::size_t>(length));
    }
    return all;
  }

private:
  int descriptor_;
};

bool put(int descriptor, const char* text) {
  std::size_t left = strlen(text);
  while (left > 0) {
    const ssize_t written = write(descriptor, text, left);
    if (written < 0 && errno != EINTR) {
      return false;
    }
    text += written < 0 ? 0 : written;
    left -= written < 0 ? 0U : static_cast<std::size_t>(written);
  }
  return true;
}

int run_here(const std::string& commands, int output) {
  const std::unique_ptr<nft_ctx, Free> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context || nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
    return has_failed;
  }
  // Protocols and priorities as numbers, as the names differ between systems; no counter values.
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_NUMERIC_PROTO | NFT_CTX_OUTPUT_NUMERIC_PRIO);
  const bool done = nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0;
  const char* text = done ? nft_ctx_get_output_buffer(context.get()) : nft_ctx_get_error_buffer(context.get());
  const bool said = text == nullptr || put(output, text);
  return done && said ? has_done : has_failed;
}

// What libnftables prints before it ends the process belongs to the error.
[[noreturn]] void become_nft(const std::string& commands, const Answer& answer) {
  dup2(answer.descriptor(), 2);
  _exit(run_here(commands, answer.descriptor()));
}

Error cannot(const char* what) {
  Error error = make_error(ErrorClass::kernel, std::string("nftables: ") + what + ": " + strerror(errno));
  error.sys_errno = errno;
  return error;
}

Result<std::string> judge(int status, const std::string& text) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == has_done) {
    return text;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == has_failed) {
    return error_of(text.empty() ? "no text" : text);
  }
  Error error = error_of(text.empty() ? "no text" : text);
  error.message = "libnftables gave up: " + error.message;
  return error;
}

} // namespace

Result<Context> Context::open() {
  if (Result<void> socket = probe_socket(); !socket) {
    return std::move(socket).error();
  }
  if (Result<void> privilege = probe_privilege(); !privilege) {
    return std::move(privilege).error();
  }
  return Context();
}

Result<std::string> Context::run(const std::string& commands) {
  const Answer answer;
  if (answer.descriptor() < 0) {
    return cannot("make a file for its answer");
  }
  const pid_t child = fork();
  if (child < 0) {
    return cannot("start a process");
  }
  if (child == 0) {
    become_nft(commands, answer);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return cannot("wait for its process");
    }
  }
  return judge(status, answer.text());
}

} // namespace fan::nft
