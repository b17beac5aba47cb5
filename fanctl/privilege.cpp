#include "fanctl/privilege.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/errors.h"

namespace fan::cli {

namespace {

std::string status_field(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":", 0) == 0) {
      return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
  }
  return {};
}

bool maps_everything() {
  std::ifstream file("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  return !(file >> inside >> outside >> count) || (inside == 0 && outside == 0 && count == 4294967295U);
}

bool owns_network_namespace() {
  const int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (network < 0) {
    return true;
  }
  const int owner = ioctl(network, NS_GET_USERNS);
  const int owner_errno = errno;
  close(network);
  if (owner < 0) {
    return owner_errno != EPERM; // EPERM: the owner is outside of what this process may see
  }
  struct stat theirs {};
  struct stat mine {};
  const bool same =
      fstat(owner, &theirs) != 0 || stat("/proc/self/ns/user", &mine) != 0 || theirs.st_ino == mine.st_ino;
  close(owner);
  return same;
}

// "none [integrity] confidentiality" → "integrity"
std::string lockdown_level() {
  std::ifstream file("/sys/kernel/security/lockdown");
  std::string text;
  std::getline(file, text);
  const std::size_t open_bracket = text.find('[');
  const std::size_t close_bracket = text.find(']');
  return open_bracket == std::string::npos || close_bracket == std::string::npos
             ? std::string()
             : text.substr(open_bracket + 1, close_bracket - open_bracket - 1);
}

// Asks for the first program's id, which needs what loading and finding programs need. ENOENT, no program yet, is an
// answer too.
int ask_bpf() {
  bpf_attr attr{};
  const long answer = syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof attr);
  return answer == 0 || errno == ENOENT ? 0 : errno;
}

Error refused(std::string message, std::string hint, int number = 0) {
  Error error = make_error(ErrorClass::privilege, std::move(message), std::move(hint));
  error.sys_errno = number;
  return error;
}

std::string missing_capabilities(std::uint64_t have) {
  std::string missing;
  for (const auto& [number, name] :
       {std::pair{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, std::pair{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}}) {
    if ((have & (std::uint64_t{1} << static_cast<unsigned>(number))) == 0) {
      missing += (missing.empty() ? "" : " and ") + std::string(name);
    }
  }
  return missing;
}

Error bpf_refusal(const ProcessFacts& facts) {
  const std::string call = "the kernel refuses bpf(2)";
  if (facts.bpf_errno == ENOSYS) {
    return refused(call + ": it is not built in, or a seccomp filter hides it",
                   "run on a kernel with CONFIG_BPF_SYSCALL, outside of the sandbox", facts.bpf_errno);
  }
  if (facts.seccomp_mode != 0) {
    return refused(
        fmt::format("{}: a seccomp filter is in the way (Seccomp: {} in /proc/self/status)", call, facts.seccomp_mode),
        "allow bpf(2) in the profile of the container or the unit (SystemCallFilter=, --security-opt seccomp=), or run "
        "on the host",
        facts.bpf_errno);
  }
  if (!facts.lockdown.empty() && facts.lockdown != "none") {
    return refused(fmt::format("{}: the kernel is locked down ({})", call, facts.lockdown),
                   "see kernel_lockdown(7); the level is in /sys/kernel/security/lockdown", facts.bpf_errno);
  }
  return refused(call, "a security module may forbid it: see the kernel log", facts.bpf_errno);
}

} // namespace

ProcessFacts read_process_facts() {
  ProcessFacts facts;
  std::istringstream(status_field("CapEff")) >> std::hex >> facts.effective_capabilities;
  std::istringstream(status_field("Seccomp")) >> facts.seccomp_mode;
  facts.initial_user_namespace = maps_everything();
  facts.owns_network_namespace = owns_network_namespace();
  facts.lockdown = lockdown_level();
  facts.bpf_errno = ask_bpf();
  return facts;
}

// The order matters: in a user namespace the capabilities look complete, and a missing capability makes bpf(2) fail
// too.
Result<void> judge_privilege(const ProcessFacts& facts) {
  if (const std::string missing = missing_capabilities(facts.effective_capabilities); !missing.empty()) {
    return refused("this process lacks " + missing, "run it as root: sudo fanctl ...");
  }
  if (!facts.initial_user_namespace && facts.bpf_errno != 0) {
    return refused("inside a user namespace the kernel refuses bpf(2), whatever capabilities there are",
                   "run fanctl as root of the host; nsenter --net=FILE enters a network namespace alone",
                   facts.bpf_errno);
  }
  if (!facts.initial_user_namespace && !facts.owns_network_namespace) {
    return refused("the network namespace belongs to another user namespace", "run fanctl as root of the host");
  }
  if (facts.bpf_errno != 0) {
    return bpf_refusal(facts);
  }
  return {};
}

Result<void> give_up_privileges() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  // The ambient set goes with the permitted one (capabilities(7)).
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &header, none) != 0) {
    return refused(fmt::format("capabilities cannot be given up: {}", std::strerror(errno)), "", errno);
  }
  return {};
}

} // namespace fan::cli
