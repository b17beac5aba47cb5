#include "linux/bpf/failure.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace fan::bpf {
namespace {

constexpr std::size_t log_max = 256 * 1024;
constexpr std::size_t tail_lines = 8;

thread_local std::string* sink = nullptr;

int take_print(libbpf_print_level level, const char* format, va_list arguments) {
  if (sink == nullptr || level == LIBBPF_DEBUG || sink->size() > log_max) {
    return 0;
  }
  va_list copy;
  va_copy(copy, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, copy);
  va_end(copy);
  if (length > 0) {
    std::string line(static_cast<std::size_t>(length) + 1, '\0');
    (void)std::vsnprintf(line.data(), line.size(), format, arguments);
    line.pop_back();
    *sink += line;
  }
  return 0;
}

std::string last_lines(const std::string& text) {
  std::size_t begin = text.size();
  for (std::size_t n = 0; n <= tail_lines && begin != std::string::npos && begin != 0; ++n) {
    begin = text.rfind('\n', begin - 1);
  }
  return begin == std::string::npos || begin == 0 ? text : text.substr(begin + 1);
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string status_field(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(field + ":", 0) == 0) {
      const std::size_t begin = line.find_first_not_of(" \t", field.size() + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return {};
}

bool has_sys_admin() {
  constexpr unsigned cap_sys_admin = 21; // linux/capability.h
  const std::string text = status_field("CapEff");
  return text.empty() || ((std::strtoull(text.c_str(), nullptr, 16) >> cap_sys_admin) & 1U) != 0;
}

// The initial user namespace maps every id onto itself.
bool in_user_namespace() {
  std::istringstream map(first_line("/proc/self/uid_map"));
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  return static_cast<bool>(map >> inside >> outside >> count) && (inside != 0 || outside != 0 || count != 4294967295UL);
}

std::string why_not_permitted() {
  if (!has_sys_admin()) {
    return "run it as root: loading BPF programs and finding them again needs CAP_SYS_ADMIN";
  }
  if (in_user_namespace()) {
    return "this is a user namespace, where the kernel takes no BPF programs of this kind; run it on the host itself";
  }
  if (first_line("/sys/kernel/security/lockdown").find("[confidentiality]") != std::string::npos) {
    return "the kernel is locked down (lockdown=confidentiality); boot without it, or with lockdown=integrity";
  }
  if (status_field("Seccomp") == "2") {
    return "a seccomp filter is in force here and may forbid bpf(); allow bpf() in the container's or the unit's "
           "filter";
  }
  return "the kernel or a security module forbids bpf() here; see the kernel's log";
}

} // namespace

Error stale(const char* what) {
  Error e;
  e.kind = ErrorClass::host_state;
  e.message = what;
  e.hint = "something else changed it meanwhile; run the command again";
  return e;
}

Error failure(int sys_errno, const std::string& doing, const std::string& log) {
  Error e;
  e.kind = sys_errno == EPERM || sys_errno == EACCES ? ErrorClass::privilege : ErrorClass::kernel;
  e.sys_errno = sys_errno;
  e.message = fmt::format("{}: {}", doing, std::strerror(sys_errno));
  e.kernel_text = last_lines(log);
  if (sys_errno == EPERM) {
    e.hint = why_not_permitted();
  } else if (sys_errno == ENOSYS) {
    e.hint = "this kernel was built without BPF (CONFIG_BPF_SYSCALL)";
  }
  return e;
}

LibbpfLog::LibbpfLog() {
  libbpf_set_print(take_print);
  sink = &text_;
}

LibbpfLog::~LibbpfLog() {
  sink = nullptr;
}

} // namespace fan::bpf
