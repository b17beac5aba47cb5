#include "core/dhcp.h"

#include <string_view>

#include <fmt/format.h>

#include "core/dns_domain.h"

namespace fan {
namespace {

constexpr const char* name_prefix = "ip-"; // ip-250-0-27-5.fan.internal

struct Range {
  Address first;
  Address last;
  std::uint32_t size;
};

Range range_of(const Fan& fan) {
  const Prefix slice = fan.slice();
  if (const Pool* pool = find_pool(fan.spec.pools, "dhcp")) {
    return {slice.at(pool->first), slice.at(pool->last), pool->last - pool->first + 1};
  }
  const Address first = slice.at(fan.spec.host_reserve + 1);
  const Address last(slice.broadcast().v4() - 1);
  return {first, last, last.v4() - first.v4() + 1};
}

std::string range_argument(const Fan& fan, const Range& range) {
  return fmt::format("{}{},{},{},{}", dhcp_sign, range.first.str(), range.last.str(), fan.slice().netmask().str(),
                     lease_text(fan.spec.lease.value_or(default_lease)));
}

// Every address of the overlay has a name here, whichever host it is on: it is arithmetic, so nobody is asked. What is
// no such name in the domain does not exist, and is not sent to other servers either.
std::vector<std::string> names_in(const std::string& domain, const Prefix& overlay) {
  return {
      "--domain=" + domain,
      fmt::format("--local=/{}/", domain),
      fmt::format("--synth-domain={},{},{}", domain, overlay.str(), name_prefix),
  };
}

} // namespace

std::vector<std::string> dhcp_argv(const Fan& fan, const std::string& state_directory) {
  const Range range = range_of(fan);
  std::vector<std::string> argv{
      "--conf-file=/dev/null",
      "--no-hosts",
      "--pid-file=", // none: it would belong to an unprivileged user
      "--bind-interfaces",
      dhcp_interface_option + fan.bridge,
      "--except-interface=lo",
      range_argument(fan, range),
      fmt::format("--dhcp-lease-max={}", range.size), // 1000 unless told
      "--dhcp-option=3," + fan.gateway().str(),
      fmt::format("--dhcp-option-force=26,{}", fan.mtu), // also to clients that do not ask for it
      "--dhcp-authoritative",
      fmt::format("{}{}/{}.leases", dhcp_lease_option, state_directory, fan.bridge),
      "--domain-needed",
      "--bogus-priv",
      "--dhcp-name-match=set:wpad,wpad", // a client of that name would tell all others which proxy to use: VU#598349
      "--dhcp-ignore-names=tag:wpad",
  };
  if (fan.spec.domain) {
    for (std::string& argument : names_in(*fan.spec.domain, fan.mapping.overlay())) {
      argv.push_back(std::move(argument));
    }
  }
  return argv;
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
