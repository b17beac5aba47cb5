#include "linux/bpf/programs.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "linux/bpf/attached.h"
#include "linux/bpf/failure.h"
#include "linux/bpf/map_set.h"
#include "linux/bpf/object_file.h"
#include "linux/bpf/rows.h"
#include "linux/bpf/statistics.h"

namespace fan::bpf {
namespace {

constexpr std::array<Direction, 2> directions{Direction::ingress, Direction::egress};
// A program of ours that does not use the maps in use is none of this build, whatever its name says.
constexpr const char* stray_build = "other maps";

std::vector<Device> every_device() {
  std::vector<Device> devices;
  const std::unique_ptr<struct if_nameindex, decltype(&if_freenameindex)> list(if_nameindex(), &if_freenameindex);
  for (const struct if_nameindex* at = list.get(); at != nullptr && at->if_index != 0; ++at) {
    devices.push_back({at->if_index, at->if_name});
  }
  return devices;
}

// One of our filters together with where it is and the maps of its program.
struct Found {
  Device device;
  Direction direction;
  Attached attached;
  MapSet maps;
};

} // namespace

class Programs::Impl {
public:
  Result<ObservedSet> observe(const std::vector<Device>& devices);
  Result<void> apply_row_change(const Change& change);
  Result<void> apply_classifier(const Change& change);

  Result<std::vector<Found>> find(const std::vector<Device>& devices);
  // Makes the maps of the first program of this ABI those in use; lets go of maps whose programs have gone.
  void adopt(std::vector<Found>& found);

  std::optional<MapSet> maps; // those in use; always complete
  bool attached = false;      // a filter holds them, so they are not only ours

private:
  Result<Filters*> filters();
  Result<void> need_maps();
  Result<Fd> load(const ProgramRole& role);
  Result<void> put_in_place(const Classifier& classifier, const ProgramRole& role, std::uint32_t ifindex,
                            const std::vector<Attached>& present);
  Result<std::uint32_t> free_handle(const Classifier& classifier, std::uint32_t ifindex);
  Result<void> detach_all(const Classifier& classifier, std::uint32_t ifindex, const std::vector<Attached>& present,
                          std::uint32_t but);
  Result<void> note_device(const Classifier& classifier, std::uint32_t ifindex, bool there);
  Result<void> forget_dead_devices();

  std::optional<Filters> filters_;
};

Result<Filters*> Programs::Impl::filters() {
  if (!filters_) {
    Result<Filters> opened = Filters::open();
    if (!opened) {
      return opened.error();
    }
    filters_ = std::move(*opened);
  }
  return &*filters_;
}

Result<std::vector<Found>> Programs::Impl::find(const std::vector<Device>& devices) {
  Result<Filters*> open = filters();
  if (!open) {
    return open.error();
  }
  std::vector<Found> found;
  for (const Device& device : devices) {
    for (const Direction direction : directions) {
      Result<std::vector<Attached>> programs = find_attached(**open, device.ifindex, direction);
      if (!programs) {
        return std::move(programs).error().within("look at device " + device.name);
      }
      for (Attached& attached : *programs) {
        Result<MapSet> maps = maps_of_program(attached.fd.get());
        if (!maps) {
          return std::move(maps).error().within("look at device " + device.name);
        }
        found.push_back({device, direction, std::move(attached), std::move(*maps)});
      }
    }
  }
  return found;
}

void Programs::Impl::adopt(std::vector<Found>& found) {
  const auto first = std::find_if(found.begin(), found.end(), [](const Found& f) { return f.maps.complete(); });
  if (first == found.end()) {
    if (attached) {
      maps.reset();
    }
    attached = false;
    return;
  }
  if (!maps || maps->ids != first->maps.ids) {
    maps.emplace();
    maps->ids = first->maps.ids;
    maps->fds = std::move(first->maps.fds);
  }
  attached = true;
}

Result<ObservedSet> Programs::Impl::observe(const std::vector<Device>& devices) {
  Result<std::vector<Found>> found = find(devices);
  if (!found) {
    return found.error();
  }
  adopt(*found);
  ObservedSet observed;
  for (const Found& f : *found) {
    const bool shared = maps && f.maps.ids == maps->ids;
    const bool other_abi = !f.maps.complete() && !shared;
    Object object = Classifier{f.device.name, f.direction, f.attached.program,
                               shared || other_abi ? f.attached.build : stray_build, f.attached.first};
    observed.emplace(key_of(object), Observed{object, true});
  }
  if (!maps) {
    return observed;
  }
  Result<std::vector<Object>> rows = read_rows(*maps);
  if (!rows) {
    return rows.error();
  }
  for (Object& row : *rows) {
    const std::string key = key_of(row);
    observed.emplace(key, Observed{std::move(row), true});
  }
  return observed;
}

// Without an observation before, the maps that are in use may be on any device.
Result<void> Programs::Impl::need_maps() {
  if (maps) {
    return {};
  }
  Result<std::vector<Found>> found = find(every_device());
  if (!found) {
    return found.error();
  }
  adopt(*found);
  if (maps) {
    return {};
  }
  Result<MapSet> created = create_maps();
  if (!created) {
    return created.error();
  }
  maps = std::move(*created);
  return {};
}

Result<void> Programs::Impl::apply_row_change(const Change& change) {
  if (Result<void> ready = need_maps(); !ready) {
    return ready;
  }
  return apply_row(*maps, change);
}

Result<Fd> Programs::Impl::load(const ProgramRole& role) {
  const std::string name = kernel_name(role);
  Result<ObjectFile> object = ObjectFile::open();
  if (!object) {
    return object.error();
  }
  if (Result<void> shared = object->reuse(*maps); !shared) {
    return shared.error();
  }
  if (Result<void> loaded = object->load({name}); !loaded) {
    return loaded.error();
  }
  return object->program(name);
}

// Handle 1, unless somebody else has it. A filter of another kind at our preference is somebody's intention: not ours
// to change.
Result<std::uint32_t> Programs::Impl::free_handle(const Classifier& classifier, std::uint32_t ifindex) {
  Result<std::vector<Filter>> list = filters_->list(ifindex, classifier.direction);
  if (!list) {
    return list.error();
  }
  std::uint32_t handle = 1;
  for (const Filter& filter : *list) {
    if (filter.preference == 1 && filter.kind != "bpf") {
      Error e;
      e.kind = ErrorClass::host_state;
      e.message = fmt::format("a {} filter stands at preference 1 of {}, where fanctl's program must be", filter.kind,
                              classifier.device);
      e.hint = fmt::format("move it: tc filter show dev {} {}", classifier.device,
                           classifier.direction == Direction::ingress ? "ingress" : "egress");
      return e;
    }
    if (filter.preference == 1) {
      handle = std::max(handle, filter.handle + 1);
    }
  }
  const bool one_is_taken =
      std::any_of(list->begin(), list->end(), [](const Filter& f) { return f.preference == 1 && f.handle == 1; });
  return one_is_taken ? handle : 1U;
}

Result<void> Programs::Impl::detach_all(const Classifier& classifier, std::uint32_t ifindex,
                                        const std::vector<Attached>& present, std::uint32_t but) {
  for (const Attached& old : present) {
    if (old.preference == 1 && old.handle != but) {
      if (Result<void> gone = filters_->detach(ifindex, classifier.direction, old.handle); !gone) {
        return gone;
      }
    }
  }
  return {};
}

// A program that is first is replaced in place. One that is not is added anew, which puts it first among its preference
// (cls_bpf adds at the head), and the old one goes afterwards: at no moment is there none.
Result<void> Programs::Impl::put_in_place(const Classifier& classifier, const ProgramRole& role, std::uint32_t ifindex,
                                          const std::vector<Attached>& present) {
  Result<Fd> program = load(role);
  if (!program) {
    return program.error();
  }
  if (Result<void> made = filters_->make_clsact(ifindex); !made) {
    return made;
  }
  const bool replace = !present.empty() && present.front().first && present.front().preference == 1;
  Result<std::uint32_t> handle =
      replace ? Result<std::uint32_t>(present.front().handle) : free_handle(classifier, ifindex);
  if (!handle) {
    return handle.error();
  }
  Result<void> done =
      filters_->attach(ifindex, classifier.direction, *handle, program->get(), kernel_name(role), replace);
  return done ? detach_all(classifier, ifindex, present, *handle) : done;
}

Result<void> Programs::Impl::forget_dead_devices() {
  const auto known = entries<__u32, __u32>(*maps, MapRole::devices);
  if (!known) {
    return known.error();
  }
  std::array<char, IF_NAMESIZE> name{};
  for (const auto& [ifindex, role] : *known) {
    if (if_indextoname(ifindex, name.data()) == nullptr) {
      if (Result<void> gone = erase(*maps, MapRole::devices, &ifindex); !gone) {
        return gone;
      }
    }
  }
  return {};
}

Result<void> Programs::Impl::note_device(const Classifier& classifier, std::uint32_t ifindex, bool there) {
  const ProgramRole* role = role_of_program(classifier.program);
  if (role == nullptr || role->device_role == 0 || !maps) {
    return {};
  }
  const __u32 key = ifindex;
  if (!there) {
    Result<void> gone = erase(*maps, MapRole::devices, &key);
    return !gone && gone.error().sys_errno != ENOENT ? gone : Result<void>();
  }
  if (Result<void> forgotten = forget_dead_devices(); !forgotten) {
    return forgotten;
  }
  const __u32 value = role->device_role;
  return put(*maps, MapRole::devices, &key, &value);
}

Result<void> Programs::Impl::apply_classifier(const Change& change) {
  const auto& classifier = *std::get_if<Classifier>(&change.object());
  const ProgramRole* role = role_of_program(classifier.program);
  const std::uint32_t ifindex = if_nametoindex(classifier.device.c_str());
  if (ifindex == 0 || role == nullptr) {
    return stale(ifindex == 0 ? "the device is not there" : "this fanctl has no such program");
  }
  Result<Filters*> open = filters();
  if (!open) {
    return open.error();
  }
  Result<std::vector<Attached>> present = find_attached(**open, ifindex, classifier.direction);
  if (!present) {
    return present.error();
  }
  if (present->empty() == change.before.has_value()) {
    return stale(change.before ? "it is not there" : "it is there already");
  }
  if (!change.after) {
    Result<void> gone = detach_all(classifier, ifindex, *present, 0);
    return gone ? note_device(classifier, ifindex, false) : gone;
  }
  if (Result<void> ready = need_maps(); !ready) {
    return ready;
  }
  // The device first: the guard must know the tunnel before the tunnel's first packet.
  if (Result<void> noted = note_device(classifier, ifindex, true); !noted) {
    return noted;
  }
  Result<void> placed = put_in_place(classifier, *role, ifindex, *present);
  attached = attached || placed.ok();
  return placed;
}

Programs::Programs() : impl_(std::make_unique<Impl>()) {}
Programs::~Programs() = default;
Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;

Result<ObservedSet> Programs::observe(const std::vector<Device>& devices) {
  return impl_->observe(devices);
}

Result<std::vector<std::string>> Programs::records(const std::vector<Device>& devices) {
  Result<std::vector<Found>> found = impl_->find(devices);
  if (!found) {
    return found.error();
  }
  std::vector<std::string> texts;
  for (const Found& f : *found) {
    const Result<std::vector<RecordRow>> records = read_records(f.maps);
    if (!records) {
      return records.error();
    }
    for (const RecordRow& record : *records) {
      if (std::find(texts.begin(), texts.end(), record.text) == texts.end()) {
        texts.push_back(record.text);
      }
    }
  }
  return texts;
}

Result<void> Programs::apply(const Change& change) {
  const std::string key = key_of(change.object());
  Result<void> done = std::holds_alternative<Classifier>(change.object()) ? impl_->apply_classifier(change)
                                                                          : impl_->apply_row_change(change);
  return done ? done : Result<void>(std::move(done).error().within(key));
}

std::vector<MapId> Programs::maps_in_use() const {
  std::vector<MapId> ids;
  for (std::size_t n = 0; impl_->maps && impl_->attached && n < map_role_count; ++n) {
    ids.push_back({name_of(static_cast<MapRole>(n)), impl_->maps->ids.at(n)});
  }
  return ids;
}

Result<std::vector<Count>> Programs::counters(const std::vector<Device>& devices) {
  Result<std::vector<Found>> found = impl_->find(devices);
  if (!found) {
    return found.error();
  }
  impl_->adopt(*found);
  return impl_->maps ? read_counters(*impl_->maps) : Result<std::vector<Count>>(std::vector<Count>{});
}

Result<std::vector<Refusal>> Programs::refused(const std::vector<Device>& devices) {
  Result<std::vector<Found>> found = impl_->find(devices);
  if (!found) {
    return found.error();
  }
  impl_->adopt(*found);
  return impl_->maps ? read_refused(*impl_->maps) : Result<std::vector<Refusal>>(std::vector<Refusal>{});
}

} // namespace fan::bpf
