#include "linux/bpf/inspection.h"

#include <bpf/bpf.h>

#include <array>
#include <cerrno>

#include "linux/bpf/attached.h"
#include "linux/bpf/failure.h"
#include "linux/bpf/object_file.h"

namespace fan::bpf {
namespace {

constexpr std::array all_programs{
    "tunnel_in_ipip", "tunnel_out_ipip", "tunnel_in_vxlan",         "tunnel_out_vxlan",
    "bridge_in",      "bridge_out",      "tunnel_in_ipip_shortcut", "tunnel_in_vxlan_shortcut"};

// BPF_TCX_INGRESS and BPF_TCX_EGRESS, which older headers lack (include/uapi/linux/bpf.h of 6.6).
constexpr std::array tcx{46, 47};

std::optional<Error> refusal_of(const std::string& program) {
  Result<ObjectFile> file = ObjectFile::open();
  if (!file) {
    return file.error();
  }
  const Result<void> loaded = file->load({kernel_name(*role_of_program(program))});
  return loaded ? std::optional<Error>() : std::optional(loaded.error());
}

std::string name_of(std::uint32_t id) {
  const Fd program(bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  std::uint32_t length = sizeof(info);
  const bool known = program && bpf_obj_get_info_by_fd(program.get(), &info, &length) == 0;
  return known ? std::string(info.name) : "program " + std::to_string(id);
}

} // namespace

Result<std::vector<Trial>> try_programs() {
  std::vector<Trial> trials;
  for (const char* program : all_programs) {
    trials.push_back({program, refusal_of(program)});
    const std::optional<Error>& refused = trials.back().refused;
    if (refused && refused->kind == ErrorClass::privilege) {
      return *refused;
    }
  }
  return trials;
}

Result<std::vector<std::string>> tcx_programs(std::uint32_t ifindex) {
  std::vector<std::string> names;
  for (const int type : tcx) {
    std::array<std::uint32_t, 64> ids{};
    std::uint32_t count = ids.size();
    const int failed =
        bpf_prog_query(static_cast<int>(ifindex), static_cast<bpf_attach_type>(type), 0, nullptr, ids.data(), &count);
    if (failed != 0 && (errno == EPERM || errno == EACCES)) {
      return failure(errno, "ask for the programs that tcx runs");
    }
    for (std::uint32_t n = 0; failed == 0 && n < count; ++n) {
      names.push_back(name_of(ids.at(n)));
    }
  }
  return names;
}

} // namespace fan::bpf
