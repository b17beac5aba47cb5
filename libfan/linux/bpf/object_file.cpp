#include "linux/bpf/object_file.h"

#include <bpf/libbpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "bpf_object/build.h"
#include "linux/bpf/failure.h"
#include "linux/bpf/map_set.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "bpf_object/fanctl.skel.h"
#include "bpf_object/trace.skel.h"
#pragma GCC diagnostic pop

namespace fan::bpf {

std::string program_build() {
  return FAN_BPF_BUILD;
}

void ObjectFile::Close::operator()(bpf_object* object) const {
  bpf_object__close(object);
}

Result<ObjectFile> ObjectFile::open_bytes(const void* bytes, std::size_t size, const char* name) {
  const LibbpfLog log;
  bpf_object_open_opts options{};
  options.sz = sizeof(options);
  options.object_name = name;
  ObjectFile file;
  file.object_.reset(bpf_object__open_mem(bytes, size, &options));
  if (!file.object_) {
    return failure(errno, "open the embedded BPF object", log.text());
  }
  return file;
}

Result<ObjectFile> ObjectFile::open() {
  std::size_t size = 0;
  const void* bytes = fan_bpf__elf_bytes(&size);
  return open_bytes(bytes, size, "fanctl");
}

Result<ObjectFile> ObjectFile::open_trace() {
  std::size_t size = 0;
  const void* bytes = fan_trace__elf_bytes(&size);
  return open_bytes(bytes, size, "fan_trace");
}

Result<void> ObjectFile::reuse(const MapSet& maps) {
  const LibbpfLog log;
  for (std::size_t n = 0; n < map_role_count; ++n) {
    const auto role = static_cast<MapRole>(n);
    bpf_map* map = bpf_object__find_map_by_name(object_.get(), name_of(role));
    if (map == nullptr || bpf_map__reuse_fd(map, maps.fd(role)) != 0) {
      return failure(errno, std::string("share BPF map ") + name_of(role), log.text());
    }
  }
  return {};
}

Result<void> ObjectFile::load(const std::vector<std::string>& programs) {
  const LibbpfLog log;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_.get()) {
    const bool wanted = std::find(programs.begin(), programs.end(), bpf_program__name(program)) != programs.end();
    bpf_program__set_autoload(program, wanted);
  }
  if (const int error = bpf_object__load(object_.get()); error != 0) {
    return failure(-error, "load the BPF programs", log.text());
  }
  return {};
}

Fd ObjectFile::map(const std::string& name) const {
  return Fd(fcntl(bpf_object__find_map_fd_by_name(object_.get(), name.c_str()), F_DUPFD_CLOEXEC, 3));
}

Fd ObjectFile::program(const std::string& name) const {
  const bpf_program* program = bpf_object__find_program_by_name(object_.get(), name.c_str());
  return Fd(program == nullptr ? -1 : fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3));
}

} // namespace fan::bpf
