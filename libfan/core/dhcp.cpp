#include "core/dhcp.h"

#include <string_view>

#include <fmt/format.h>

namespace fan {
namespace {

struct Pool {
  Address first;
  Address last;
  std::uint32_t size;
};

Pool pool_of(const Fan& fan) {
  const Address first = fan.slice().at(fan.spec.host_reserve + 1);
  const Address last(fan.slice().broadcast().v4() - 1);
  return {first, last, last.v4() - first.v4() + 1};
}

std::string range_of(const Fan& fan, const Pool& pool) {
  return fmt::format("{}{},{},{},1h", dhcp_sign, pool.first.str(), pool.last.str(), fan.slice().netmask().str());
}

} // namespace

std::vector<std::string> dhcp_argv(const Fan& fan, const std::string& state_directory) {
  const Pool pool = pool_of(fan);
  return {
      "--conf-file=/dev/null",
      "--no-hosts",
      "--pid-file=", // none: it would belong to an unprivileged user
      "--bind-interfaces",
      dhcp_interface_option + fan.bridge,
      "--except-interface=lo",
      range_of(fan, pool),
      fmt::format("--dhcp-lease-max={}", pool.size), // 1000 unless told
      "--dhcp-option=3," + fan.gateway().str(),
      fmt::format("--dhcp-option-force=26,{}", fan.mtu), // also to clients that do not ask for it
      "--dhcp-authoritative",
      fmt::format("{}{}/{}.leases", dhcp_lease_option, state_directory, fan.bridge),
      "--domain-needed",
      "--bogus-priv",
  };
}

DhcpServer dead_server(const std::string& bridge, const std::string& lease_file) {
  return {bridge, {dhcp_lease_option + lease_file}};
}

bool is_dead(const DhcpServer& server) {
  return server.argv.size() == 1 && !lease_file_of(server).empty();
}

std::string lease_file_of(const DhcpServer& server) {
  for (const std::string& argument : server.argv) {
    if (argument.starts_with(dhcp_lease_option)) {
      return argument.substr(std::string_view(dhcp_lease_option).size());
    }
  }
  return {};
}

} // namespace fan
