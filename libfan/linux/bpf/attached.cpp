#include "linux/bpf/attached.h"

#include <bpf/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "bpf_abi/fan_abi.h"
#include "linux/bpf/failure.h"
#include "linux/bpf/object_file.h"

namespace fan::bpf {
namespace {

constexpr std::array<ProgramRole, 8> roles{{
    {"tunnel_in_ipip", "ii", FAN_ROLE_TUNNEL},
    {"tunnel_out_ipip", "oi", 0},
    {"tunnel_in_vxlan", "iv", FAN_ROLE_TUNNEL},
    {"tunnel_out_vxlan", "ov", 0},
    {"tunnel_in_ipip_shortcut", "si", FAN_ROLE_TUNNEL},
    {"tunnel_in_vxlan_shortcut", "sv", FAN_ROLE_TUNNEL},
    {"bridge_in", "bi", 0},
    {"bridge_out", "bo", FAN_ROLE_BRIDGE},
}};

constexpr std::string_view name_prefix = "fan_";
constexpr std::size_t build_length = 8;

// Splits "fan_iv_1a2b3c4d"; false for any other name.
bool parse_name(std::string_view name, Attached& attached) {
  if (name.size() != name_prefix.size() + 3 + build_length || name.substr(0, name_prefix.size()) != name_prefix) {
    return false;
  }
  const std::string_view code = name.substr(name_prefix.size(), 2);
  const std::string_view build = name.substr(name_prefix.size() + 3);
  const auto* role = std::find_if(roles.begin(), roles.end(), [&](const ProgramRole& r) { return code == r.code; });
  if (role == roles.end() || build.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return false;
  }
  attached.program = role->program;
  attached.build = build;
  return true;
}

} // namespace

// libbpf 1.1 does not know these.
bool has_tcx(std::uint32_t ifindex, Direction direction) {
  constexpr std::uint32_t tcx_ingress = 46; // enum bpf_attach_type, include/uapi/linux/bpf.h of 6.6
  bpf_attr attr{};
  attr.query.target_fd = ifindex;
  attr.query.attach_type = direction == Direction::ingress ? tcx_ingress : tcx_ingress + 1;
  return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr.query)) == 0 && attr.query.prog_cnt > 0;
}

const ProgramRole* role_of_program(const std::string& program) {
  const auto* role =
      std::find_if(roles.begin(), roles.end(), [&](const ProgramRole& r) { return program == r.program; });
  return role == roles.end() ? nullptr : role;
}

std::string kernel_name(const ProgramRole& role) {
  return std::string("fan_") + role.code + "_" + program_build();
}

Result<std::vector<Attached>> find_attached(Filters& filters, std::uint32_t ifindex, Direction direction) {
  const Result<std::vector<Filter>> list = filters.list(ifindex, direction);
  if (!list) {
    return list.error();
  }
  std::vector<Attached> found;
  for (const Filter& filter : *list) {
    if (filter.program == 0) {
      continue;
    }
    Attached attached;
    attached.fd = Fd(bpf_prog_get_fd_by_id(filter.program));
    if (!attached.fd && errno == ENOENT) {
      continue; // went away meanwhile
    }
    bpf_prog_info info{};
    std::uint32_t length = sizeof(info);
    if (!attached.fd || bpf_obj_get_info_by_fd(attached.fd.get(), &info, &length) != 0) {
      return failure(errno, "ask for the BPF program of a filter");
    }
    if (!parse_name(info.name, attached)) {
      continue;
    }
    attached.handle = filter.handle;
    attached.preference = filter.preference;
    attached.first = &filter == list->data() && !has_tcx(ifindex, direction);
    found.push_back(std::move(attached));
  }
  return found;
}

} // namespace fan::bpf
