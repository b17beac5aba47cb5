// The embedded BPF objects (bpf/fanctl.bpf.c, and bpf/trace.bpf.c with the ways into it for `trace`): opened from
// memory, loaded once, then only a source of descriptors. May not: know devices, filters or rows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "linux/bpf/fd.h"

struct bpf_object;

namespace fan::bpf {

struct MapSet;

// 8 hex digits over the sources and compiler flags of the embedded programs.
std::string program_build();

class ObjectFile {
public:
  static Result<ObjectFile> open();
  static Result<ObjectFile> open_trace();

  // Maps that are reused instead of created when load() is called.
  Result<void> reuse(const MapSet& maps);
  // Verifies and loads the programs named and creates all maps not reused. Errors carry the last lines of the
  // verifier's log.
  Result<void> load(const std::vector<std::string>& programs);

  // Copies of descriptors, valid after the object is gone. Precondition: loaded, and the name is the object's.
  [[nodiscard]] Fd map(const std::string& name) const;
  [[nodiscard]] Fd program(const std::string& name) const;

private:
  static Result<ObjectFile> open_bytes(const void* bytes, std::size_t size, const char* name);
  struct Close {
    void operator()(bpf_object* object) const;
  };
  std::unique_ptr<bpf_object, Close> object_;
};

} // namespace fan::bpf
