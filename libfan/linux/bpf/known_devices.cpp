#include "linux/bpf/known_devices.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace fan::bpf {
namespace {

// Nothing when there is no such device.
std::optional<std::string> name_of_device(std::uint32_t ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(ifindex, name.data()) == nullptr ? std::nullopt : std::optional<std::string>(name.data());
}

bool is_among(const std::vector<Device>& devices, std::uint32_t ifindex) {
  return std::any_of(devices.begin(), devices.end(),
                     [ifindex](const Device& device) { return device.ifindex == ifindex; });
}

std::uint32_t device_role_of(const Attached& attached) {
  const ProgramRole* role = role_of_program(attached.program);
  return role == nullptr ? 0 : role->device_role;
}

// What the programs on a device say that it is; 0: nothing.
Result<std::uint32_t> role_of_device(Filters& filters, std::uint32_t ifindex) {
  for (const Direction direction : {Direction::ingress, Direction::egress}) {
    const Result<std::vector<Attached>> present = find_attached(filters, ifindex, direction);
    if (!present) {
      return present.error();
    }
    for (const Attached& attached : *present) {
      if (const std::uint32_t role = device_role_of(attached); role != 0) {
        return role;
      }
    }
  }
  return 0U;
}

// The ifindexes of devices that have a row and are gone.
Result<std::vector<std::uint32_t>> vanished_devices(const MapSet& maps) {
  const auto known = entries<__u32, __u32>(maps, MapRole::devices);
  if (!known) {
    return known.error();
  }
  std::vector<std::uint32_t> vanished;
  for (const auto& entry : *known) {
    if (!name_of_device(entry.key)) {
      vanished.push_back(entry.key);
    }
  }
  return vanished;
}

Result<void> forget(const MapSet& maps, const Result<std::vector<std::uint32_t>>& devices, std::uint32_t but) {
  if (!devices) {
    return devices.error();
  }
  for (const std::uint32_t ifindex : *devices) {
    Result<void> gone = ifindex == but ? Result<void>() : forget_device(maps, ifindex);
    if (!gone) {
      return gone;
    }
  }
  return {};
}

} // namespace

Result<std::vector<std::uint32_t>> unsaid_devices(Filters& filters, const MapSet& maps) {
  const auto known = entries<__u32, __u32>(maps, MapRole::devices);
  if (!known) {
    return known.error();
  }
  std::vector<std::uint32_t> unsaid;
  for (const auto& [ifindex, role] : *known) {
    const Result<std::uint32_t> said = role_of_device(filters, ifindex);
    if (!said) {
      return said.error();
    }
    if (*said != role) {
      unsaid.push_back(ifindex);
    }
  }
  return unsaid;
}

bool says_what_device_is(const Attached& attached) {
  return device_role_of(attached) != 0;
}

Result<void> forget_device(const MapSet& maps, std::uint32_t ifindex) {
  const __u32 key = ifindex;
  Result<void> gone = erase(maps, MapRole::devices, &key);
  return !gone && gone.error().sys_errno != ENOENT ? gone : Result<void>();
}

Result<void> note_device(Filters& filters, const MapSet& maps, std::uint32_t ifindex, const ProgramRole& role,
                         bool tidy) {
  const bool tunnel = role.device_role == FAN_ROLE_TUNNEL;
  Result<void> forgotten = tidy     ? forget(maps, unsaid_devices(filters, maps), ifindex)
                           : tunnel ? forget(maps, vanished_devices(maps), ifindex)
                                    : Result<void>();
  if (!forgotten) {
    return forgotten;
  }
  const __u32 key = ifindex;
  const __u32 value = role.device_role;
  return put(maps, MapRole::devices, &key, &value);
}

Result<std::vector<Device>> known_besides(const MapSet& maps, const std::vector<Device>& ours) {
  const auto known = entries<__u32, __u32>(maps, MapRole::devices);
  if (!known) {
    return known.error();
  }
  std::vector<Device> besides;
  for (const auto& entry : *known) {
    auto name = is_among(ours, entry.key) ? std::nullopt : name_of_device(entry.key);
    if (name) {
      besides.push_back(Device{entry.key, std::move(*name)});
    }
  }
  return besides;
}

Result<std::vector<std::uint32_t>> wrongly_known(const MapSet& maps, const std::vector<Device>& ours,
                                                 const std::vector<OurFilter>& found) {
  const auto known = entries<__u32, __u32>(maps, MapRole::devices);
  if (!known) {
    return known.error();
  }
  std::map<std::uint32_t, std::uint32_t> wanted;
  for (const OurFilter& filter : found) {
    if (const std::uint32_t role = device_role_of(filter.attached); role != 0) {
      wanted[filter.device.ifindex] = role;
    }
  }
  std::vector<std::uint32_t> wrong;
  for (const auto& entry : *known) {
    if (const auto at = wanted.find(entry.key); at != wanted.end() && at->second == entry.value) {
      wanted.erase(at);
    } else if (!is_among(ours, entry.key) && name_of_device(entry.key)) {
      wrong.push_back(0);
    }
  }
  for (const auto& [ifindex, role] : wanted) {
    wrong.push_back(ifindex);
  }
  return wrong;
}

} // namespace fan::bpf
