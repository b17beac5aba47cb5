#include "linux/bpf/placement.h"

#include <algorithm>

#include <fmt/format.h>

#include "linux/bpf/object_file.h"

namespace fan::bpf {
namespace {

Result<Fd> load(const MapSet& maps, const ProgramRole& role) {
  const std::string name = kernel_name(role);
  Result<ObjectFile> object = ObjectFile::open();
  if (!object) {
    return object.error();
  }
  if (Result<void> shared = object->reuse(maps); !shared) {
    return shared.error();
  }
  if (Result<void> loaded = object->load({name}); !loaded) {
    return loaded.error();
  }
  return object->program(name);
}

Result<int> program_for(const MapSet& maps, LoadedPrograms& loaded, const ProgramRole& role) {
  if (loaded.maps != maps.ids) {
    loaded = {maps.ids, {}};
  }
  const auto known = loaded.programs.find(kernel_name(role));
  if (known != loaded.programs.end()) {
    return known->second.get();
  }
  Result<Fd> program = load(maps, role);
  if (!program) {
    return std::move(program).error();
  }
  return loaded.programs.emplace(kernel_name(role), std::move(*program)).first->second.get();
}

Error in_the_way(const Filter& filter, const Classifier& classifier) {
  Error e;
  e.kind = ErrorClass::host_state;
  e.message = fmt::format("a {} filter stands at preference 1 of {}, where fanctl's program must be", filter.kind,
                          classifier.device);
  e.hint = fmt::format("move it: tc filter show dev {} {}", classifier.device,
                       classifier.direction == Direction::ingress ? "ingress" : "egress");
  return e;
}

// Nothing of tc can be put before it, and it is not ours to take away: behind it our program would judge what it
// leaves.
Error behind_tcx(const Classifier& classifier) {
  Error e;
  e.kind = ErrorClass::host_state;
  const char* direction = classifier.direction == Direction::ingress ? "ingress" : "egress";
  e.message = fmt::format("a program attached by tcx at {} of {} runs before fanctl's", direction, classifier.device);
  e.hint = fmt::format("detach it: bpftool net show dev {}", classifier.device);
  return e;
}

// Handle 1, unless somebody else has it. A filter of another kind at our preference is somebody's intention: not ours
// to change.
Result<std::uint32_t> free_handle(Filters& filters, const Place& place) {
  Result<std::vector<Filter>> list = filters.list(place.ifindex, place.classifier.direction);
  if (!list) {
    return list.error();
  }
  std::uint32_t handle = 1;
  for (const Filter& filter : *list) {
    if (filter.preference == 1 && filter.kind != "bpf") {
      return in_the_way(filter, place.classifier);
    }
    if (filter.preference == 1) {
      handle = std::max(handle, filter.handle + 1);
    }
  }
  const bool one_is_taken =
      std::any_of(list->begin(), list->end(), [](const Filter& f) { return f.preference == 1 && f.handle == 1; });
  return one_is_taken ? handle : 1U;
}

} // namespace

Result<void> detach_all(Filters& filters, const Place& place, std::uint32_t but) {
  for (const Attached& old : place.present) {
    if (old.preference == 1 && old.handle != but) {
      if (Result<void> gone = filters.detach(place.ifindex, place.classifier.direction, old.handle); !gone) {
        return gone;
      }
    }
  }
  return {};
}

// A program that is first is replaced in place. One that is not is added anew, which puts it first among its preference
// (cls_bpf adds at the head), and the old one goes afterwards.
Result<void> put_in_place(Filters& filters, const MapSet& maps, LoadedPrograms& loaded, const ProgramRole& role,
                          const Place& place) {
  if (has_tcx(place.ifindex, place.classifier.direction)) {
    return behind_tcx(place.classifier);
  }
  Result<int> program = program_for(maps, loaded, role);
  if (!program) {
    return program.error();
  }
  if (Result<void> made = filters.make_clsact(place.ifindex, place.classifier.device); !made) {
    return made;
  }
  const std::vector<Attached>& present = place.present;
  const bool replace = !present.empty() && present.front().first && present.front().preference == 1;
  Result<std::uint32_t> handle = replace ? Result<std::uint32_t>(present.front().handle) : free_handle(filters, place);
  if (!handle) {
    return handle.error();
  }
  Result<void> done =
      filters.attach(place.ifindex, place.classifier.direction, *handle, *program, kernel_name(role), replace);
  return done ? detach_all(filters, place, *handle) : done;
}

} // namespace fan::bpf
