#include "fanctl/kernel_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <sys/klog.h>

#include "core/errors.h"
#include "fanctl/text_file.h"
#include "linux/bpf/inspection.h"
#include "linux/netlink/inspection.h"
#include "linux/service/launch.h"

namespace fan::cli {

Result<std::optional<std::string>> KernelSource::text(const std::string& path) {
  return read_text_file(path);
}

Result<std::vector<std::string>> KernelSource::names(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(directory, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    found.push_back(entry->path().filename().string());
  }
  if (failed && failed.value() != ENOENT && failed.value() != ENOTDIR) {
    Error error = make_error(failed.value() == EACCES ? ErrorClass::privilege : ErrorClass::host_state,
                             directory + " cannot be listed: " + failed.message());
    error.sys_errno = failed.value();
    return error;
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::string> KernelSource::program(const std::string& name) {
  return service::find_program(name);
}

Result<std::vector<doctor::RouteSeen>> KernelSource::routes_inside(const Prefix& overlay,
                                                                   const std::vector<Prefix>& slices) {
  const auto routes = netlink::Inspection::routes_inside(overlay, slices);
  if (!routes) {
    return routes.error();
  }
  std::vector<doctor::RouteSeen> seen;
  for (const netlink::RouteWords& route : *routes) {
    seen.push_back({route.destination, route.words});
  }
  return seen;
}

Result<std::optional<std::string>> KernelSource::device_into(const Prefix& network, std::uint32_t mark) {
  return netlink::Inspection::device_into(network, mark);
}

Result<std::optional<bool>> KernelSource::carrier(const std::string& device) {
  return netlink::Inspection::carrier(device);
}

Result<std::vector<doctor::AddressLifetime>> KernelSource::lifetimes() {
  const auto all = netlink::Inspection::lifetimes();
  if (!all) {
    return all.error();
  }
  std::vector<doctor::AddressLifetime> seen;
  for (const netlink::Lifetime& one : *all) {
    seen.push_back(
        {one.address, one.ifindex, one.valid_s == ~std::uint32_t{0} ? std::nullopt : std::optional(one.valid_s)});
  }
  return seen;
}

Result<std::vector<doctor::UdpSocket>> KernelSource::udp_sockets() {
  const auto all = netlink::Inspection::udp_sockets();
  if (!all) {
    return all.error();
  }
  std::vector<doctor::UdpSocket> seen;
  for (const netlink::BoundUdp& one : *all) {
    seen.push_back({one.port, one.ifindex, one.inode, one.address});
  }
  return seen;
}

Result<std::vector<doctor::ProgramTrial>> KernelSource::try_programs() {
  const auto trials = bpf::try_programs();
  if (!trials) {
    return trials.error();
  }
  std::vector<doctor::ProgramTrial> seen;
  for (const bpf::Trial& trial : *trials) {
    seen.push_back({trial.program, trial.refused});
  }
  return seen;
}

Result<std::vector<std::string>> KernelSource::tcx_programs(std::uint32_t ifindex) {
  return bpf::tcx_programs(ifindex);
}

// syslog(2), as dmesg does where there is no /dev/kmsg.
Result<std::string> KernelSource::kernel_log() {
  constexpr int read_all = 3;
  constexpr int size_of_buffer = 10;
  const int size = klogctl(size_of_buffer, nullptr, 0);
  std::string text(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  const int length = size > 0 ? klogctl(read_all, text.data(), size) : size;
  if (length < 0) {
    Error error = make_error(errno == EPERM ? ErrorClass::privilege : ErrorClass::host_state,
                             std::string("the kernel's log cannot be read: ") + std::strerror(errno));
    error.sys_errno = errno;
    return error;
  }
  text.resize(static_cast<std::size_t>(length));
  return text;
}

Result<std::optional<std::string>> KernelSource::audit_log() {
  constexpr std::size_t most = 256 << 10; // bytes: a thousand records
  return read_end_of_text_file("/var/log/audit/audit.log", most);
}

} // namespace fan::cli
