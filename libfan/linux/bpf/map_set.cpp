#include "linux/bpf/map_set.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "linux/bpf/object_file.h"

namespace fan::bpf {
namespace {

constexpr std::array<const char*, map_role_count> names{
    FAN_MAP_MAPPINGS, FAN_MAP_SLICES,  FAN_MAP_NEVER,   FAN_MAP_KNOWN,   FAN_MAP_DEVICES,
    FAN_MAP_COUNTERS, FAN_MAP_REFUSED, FAN_MAP_ANSWERS, FAN_MAP_RECORDS, FAN_MAP_BRIDGES};

Error map_failure(MapRole role, const char* doing) {
  return failure(errno, fmt::format("{} BPF map {}", doing, name_of(role)));
}

Result<bpf_map_info> info_of(int fd) {
  bpf_map_info info{};
  std::uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0) {
    return failure(errno, "ask for a BPF map");
  }
  return info;
}

Result<void> take(MapSet& set, std::uint32_t id) {
  Fd fd(bpf_map_get_fd_by_id(id));
  if (!fd) {
    return failure(errno, "open a BPF map");
  }
  const Result<bpf_map_info> info = info_of(fd.get());
  if (!info) {
    return info.error();
  }
  const auto at = std::find(names.begin(), names.end(), std::string_view(info->name));
  if (at != names.end()) {
    const auto role = static_cast<std::size_t>(at - names.begin());
    set.fds.at(role) = std::move(fd);
    set.ids.at(role) = id;
  }
  return {};
}

} // namespace

const char* name_of(MapRole role) {
  return names.at(static_cast<std::size_t>(role));
}

bool MapSet::complete() const {
  return std::all_of(fds.begin(), fds.end(), [](const Fd& fd) { return static_cast<bool>(fd); });
}

Result<MapSet> create_maps() {
  Result<ObjectFile> object = ObjectFile::open();
  if (!object) {
    return std::move(object).error();
  }
  const Result<void> loaded = object->load({});
  if (!loaded) {
    return loaded.error();
  }
  MapSet set;
  for (std::size_t n = 0; n < names.size(); ++n) {
    set.fds.at(n) = object->map(names.at(n));
    const Result<bpf_map_info> info = info_of(set.fds.at(n).get());
    if (!info) {
      return info.error();
    }
    set.ids.at(n) = info->id;
  }
  return set;
}

Result<std::vector<std::uint32_t>> map_ids_of_program(int program) {
  std::vector<std::uint32_t> ids(2 * map_role_count);
  bpf_prog_info info{};
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  std::uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(program, &info, &length) != 0) {
    return failure(errno, "ask a BPF program for its maps");
  }
  ids.resize(std::min<std::size_t>(info.nr_map_ids, ids.size()));
  return ids;
}

Result<MapSet> maps_of_ids(const std::vector<std::uint32_t>& ids) {
  MapSet set;
  for (const std::uint32_t id : ids) {
    const Result<void> taken = take(set, id);
    if (!taken) {
      return taken.error();
    }
  }
  return set;
}

Result<void> put(const MapSet& maps, MapRole role, const void* key, const void* value) {
  if (bpf_map_update_elem(maps.fd(role), key, value, BPF_ANY) != 0) {
    return map_failure(role, "write to");
  }
  return {};
}

Result<void> erase(const MapSet& maps, MapRole role, const void* key) {
  if (bpf_map_delete_elem(maps.fd(role), key) != 0) {
    return map_failure(role, "delete from");
  }
  return {};
}

Result<bool> next_key(const MapSet& maps, MapRole role, const void* key, void* next) {
  if (bpf_map_get_next_key(maps.fd(role), key, next) == 0) {
    return true;
  }
  return errno == ENOENT ? Result<bool>(false) : Result<bool>(map_failure(role, "read"));
}

Result<bool> look_up(const MapSet& maps, MapRole role, const void* key, void* value) {
  if (bpf_map_lookup_elem(maps.fd(role), key, value) == 0) {
    return true;
  }
  return errno == ENOENT ? Result<bool>(false) : Result<bool>(map_failure(role, "read"));
}

} // namespace fan::bpf
