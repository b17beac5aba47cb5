#include "linux/bpf/programs.h"

#include <net/if.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "linux/bpf/attached.h"
#include "linux/bpf/command_lines.h"
#include "linux/bpf/failure.h"
#include "linux/bpf/known_devices.h"
#include "linux/bpf/map_set.h"
#include "linux/bpf/our_filters.h"
#include "linux/bpf/placement.h"
#include "linux/bpf/rows.h"
#include "linux/bpf/statistics.h"

namespace fan::bpf {
namespace {

// What a program is said to be of, whatever its name says, when it does not use the maps in use, ...
constexpr const char* stray_build = "other maps";
// ... or when the rows that fanctl writes beside the objects' own, and that no object speaks for, are not as they
// follow from those.
constexpr const char* altered_rows = "altered rows";

constexpr std::chrono::seconds longest_moment{1};

// The device of the first program that says what its device is; 0 where there is none.
std::uint32_t first_device(const std::vector<OurFilter>& found) {
  const auto first =
      std::find_if(found.begin(), found.end(), [](const OurFilter& f) { return says_what_device_is(f.attached); });
  return first == found.end() ? 0 : first->device.ifindex;
}

} // namespace

class Programs::Impl {
public:
  Result<ObservedSet> observe(std::vector<Device> devices, const std::set<std::string>& leaving);
  Result<void> apply_row_change(const Change& change);
  Result<void> apply_classifier(const Change& change);

  // On these devices; where none of ours is on any of them, on every one, and those with one are added. The guard of a
  // routed endpoint is on a device of others, and may be all that is left of a fan.
  Result<std::vector<OurFilter>> find(std::vector<Device>& devices);
  // Makes the maps of the first program of this ABI those in use; lets go of maps whose programs have gone.
  void adopt(std::vector<OurFilter>& found);

  // Where `changes` tidy: the devices that have a row which no program says, and get none by them.
  std::vector<std::uint32_t> unsaid(const std::vector<Change>& changes);

  // After a failure: what is left of an answer must not be taken for that of the next request.
  void start_anew() {
    filters_.reset();
    rows_.reset();
  }

  std::optional<MapSet> maps; // those in use; always complete
  bool attached = false;      // a filter holds them, so they are not only ours

private:
  Result<Filters*> filters();
  Result<std::vector<OurFilter>> find_on(const std::vector<Device>& devices);
  Result<void> need_maps();
  Result<void> find_besides(std::vector<Device>& devices, std::vector<OurFilter>& found);
  Result<std::vector<std::uint32_t>> find_altered(const std::vector<Device>& devices,
                                                  const std::vector<OurFilter>& found);
  Result<void> remove_classifier(const Classifier& classifier, const Place& place);
  Result<void> place_classifier(const ProgramRole& role, const Place& place);

  // Of the maps in use, for as long as one moment may be.
  Result<KnownRows*> rows();

  std::optional<Filters> filters_;
  std::optional<KnownRows> rows_; // as no observation came between
  std::chrono::steady_clock::time_point rows_read_;
  LoadedPrograms loaded_; // over `maps`
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

Result<std::vector<OurFilter>> Programs::Impl::find_on(const std::vector<Device>& devices) {
  Result<Filters*> open = filters();
  Result<std::vector<OurFilter>> found = open ? find_ours(**open, devices) : open.error();
  if (!found) {
    start_anew();
  }
  return found;
}

Result<std::vector<OurFilter>> Programs::Impl::find(std::vector<Device>& devices) {
  Result<std::vector<OurFilter>> found = find_on(devices);
  if (!found || !found->empty()) {
    return found;
  }
  found = find_on(every_device());
  for (std::size_t n = 0; found && n < found->size(); ++n) {
    const Device& device = (*found)[n].device;
    if (std::none_of(devices.begin(), devices.end(), [&](const Device& d) { return d.ifindex == device.ifindex; })) {
      devices.push_back(device);
    }
  }
  return found;
}

void Programs::Impl::adopt(std::vector<OurFilter>& found) {
  rows_.reset();
  const auto first = std::find_if(found.begin(), found.end(), [](const OurFilter& f) { return f.maps->complete(); });
  if (first == found.end()) {
    if (attached) {
      maps.reset();
    }
    attached = false;
    return;
  }
  if (!maps || maps->ids != first->maps->ids) {
    maps.emplace();
    maps->ids = first->maps->ids;
    maps->fds = std::move(first->maps->fds);
  }
  attached = true;
}

// The devices whose programs are to be put anew, as that puts right the rows that no object speaks for. What is wrong
// with no device in particular is the first one's.
Result<std::vector<std::uint32_t>> Programs::Impl::find_altered(const std::vector<Device>& devices,
                                                                const std::vector<OurFilter>& found) {
  Result<std::vector<std::uint32_t>> altered = wrongly_known(*maps, devices, found);
  const Result<bool> right = what_follows_is_right(*maps);
  if (!altered || !right) {
    return altered ? right.error() : altered;
  }
  if (!*right) {
    altered->push_back(0);
  }
  std::replace(altered->begin(), altered->end(), 0U, first_device(found));
  return altered;
}

// Also finds the programs on devices that nobody asked for and that the map knows, so that they can be taken off.
Result<void> Programs::Impl::find_besides(std::vector<Device>& devices, std::vector<OurFilter>& found) {
  Result<std::vector<Device>> besides = known_besides(*maps, devices);
  if (!besides) {
    return besides.error();
  }
  Result<std::vector<OurFilter>> more = find_on(*besides);
  if (!more) {
    return more.error();
  }
  for (OurFilter& filter : *more) {
    devices.push_back(filter.device);
    found.push_back(std::move(filter));
  }
  return {};
}

Result<ObservedSet> Programs::Impl::observe(std::vector<Device> devices, const std::set<std::string>& leaving) {
  Result<std::vector<OurFilter>> found = find(devices);
  if (!found) {
    return found.error();
  }
  adopt(*found);
  if (Result<void> all = maps ? find_besides(devices, *found) : Result<void>(); !all) {
    return all.error();
  }
  std::erase_if(devices, [&](const Device& device) {
    const auto is_on_it = [&](const OurFilter& filter) { return filter.device.ifindex == device.ifindex; };
    return leaving.count(device.name) != 0 && std::none_of(found->begin(), found->end(), is_on_it);
  });
  const auto altered =
      maps ? find_altered(devices, *found) : Result<std::vector<std::uint32_t>>(std::vector<std::uint32_t>{});
  if (!altered) {
    return altered.error();
  }
  ObservedSet observed;
  for (const OurFilter& f : *found) {
    const bool shared = maps && f.maps->ids == maps->ids;
    const bool other_abi = !f.maps->complete() && !shared;
    const bool wrong = shared && std::find(altered->begin(), altered->end(), f.device.ifindex) != altered->end() &&
                       says_what_device_is(f.attached);
    const std::string build = wrong ? altered_rows : shared || other_abi ? f.attached.build : stray_build;
    Object object = Classifier{f.device.name, f.direction, f.attached.program, build, f.attached.first};
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
  Result<std::vector<OurFilter>> found = find_on(every_device());
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

Result<KnownRows*> Programs::Impl::rows() {
  const auto now = std::chrono::steady_clock::now();
  if (!rows_ || now - rows_read_ > longest_moment) {
    Result<KnownRows> read = known_rows(*maps);
    if (!read) {
      return read.error();
    }
    rows_ = std::move(*read);
    rows_read_ = now;
  }
  return &*rows_;
}

Result<void> Programs::Impl::apply_row_change(const Change& change) {
  if (Result<void> ready = need_maps(); !ready) {
    return ready;
  }
  Result<KnownRows*> known = rows();
  return known ? apply_row(*maps, **known, change) : known.error();
}

Result<void> Programs::Impl::remove_classifier(const Classifier& classifier, const Place& place) {
  const ProgramRole* role = role_of_program(classifier.program);
  Result<void> gone = detach_all(*filters_, place, 0);
  const bool noted = role->device_role != 0 && maps;
  return gone && noted ? forget_device(*maps, place.ifindex) : gone;
}

std::vector<std::uint32_t> Programs::Impl::unsaid(const std::vector<Change>& changes) {
  if (!tidies(changes)) {
    return {};
  }
  Result<Filters*> open = filters();
  Result<std::vector<std::uint32_t>> all = open ? unsaid_devices(**open, *maps) : open.error();
  if (!all) {
    return {};
  }
  for (const Change& change : changes) {
    if (const auto* placed = change.after ? std::get_if<Classifier>(&*change.after) : nullptr) {
      std::erase(*all, if_nametoindex(placed->device.c_str()));
    }
  }
  return std::move(*all);
}

// The rows first: the guard must know the tunnel before the tunnel's first packet.
Result<void> Programs::Impl::place_classifier(const ProgramRole& role, const Place& place) {
  if (Result<void> ready = need_maps(); !ready) {
    return ready;
  }
  Result<KnownRows*> known = rows();
  if (Result<void> settled = known ? settle_what_follows(*maps, **known) : known.error(); !settled) {
    return settled;
  }
  if (role.device_role != 0) {
    if (Result<void> noted = note_device(*filters_, *maps, place.ifindex, role, !place.present.empty()); !noted) {
      return noted;
    }
  }
  Result<void> placed = put_in_place(*filters_, *maps, loaded_, role, place);
  if (!placed && role.device_role != 0 && place.present.empty()) {
    (void)forget_device(*maps, place.ifindex); // or the row would say what nothing does
  }
  attached = attached || placed.ok();
  return placed;
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
  const Place place{classifier, ifindex, *present};
  return change.after ? place_classifier(*role, place) : remove_classifier(classifier, place);
}

Programs::Programs() : impl_(std::make_unique<Impl>()) {}
Programs::~Programs() = default;
Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;

Result<ObservedSet> Programs::observe(std::vector<Device> devices, const std::set<std::string>& leaving) {
  return impl_->observe(std::move(devices), leaving);
}

Result<std::vector<RecordRow>> Programs::records(std::vector<Device> devices) {
  Result<std::vector<OurFilter>> found = impl_->find(devices);
  if (!found) {
    return found.error();
  }
  std::vector<RecordRow> all;
  std::set<RecordRow> known;
  std::set<const MapSet*> read; // as a rule all programs share one
  for (const OurFilter& f : *found) {
    if (!read.insert(f.maps.get()).second) {
      continue;
    }
    const Result<std::vector<RecordRow>> records = read_records(*f.maps);
    if (!records) {
      return records.error();
    }
    std::copy_if(records->begin(), records->end(), std::back_inserter(all),
                 [&](const RecordRow& record) { return known.insert(record).second; });
  }
  return all;
}

Result<void> Programs::apply(const Change& change) {
  const std::string key = key_of(change.object());
  Result<void> done = std::holds_alternative<Classifier>(change.object()) ? impl_->apply_classifier(change)
                                                                          : impl_->apply_row_change(change);
  if (!done) {
    impl_->start_anew();
  }
  return done ? done : Result<void>(std::move(done).error().within(key));
}

std::vector<MapId> Programs::maps_in_use() const {
  std::vector<MapId> ids;
  for (std::size_t n = 0; impl_->maps && impl_->attached && n < map_role_count; ++n) {
    ids.push_back({name_of(static_cast<MapRole>(n)), impl_->maps->ids.at(n)});
  }
  return ids;
}

std::vector<std::string> Programs::last_lines(const std::vector<Change>& changes) const {
  if (!impl_->maps || !impl_->attached) {
    return end_lines(changes, {}, {});
  }
  const auto rows = following(*impl_->maps);
  return end_lines(changes, rows ? *rows : Following(), impl_->unsaid(changes));
}

Result<std::vector<Count>> Programs::counters(std::vector<Device> devices) {
  Result<std::vector<OurFilter>> found = impl_->find(devices);
  if (!found) {
    return found.error();
  }
  impl_->adopt(*found);
  return impl_->maps ? read_counters(*impl_->maps) : Result<std::vector<Count>>(std::vector<Count>{});
}

Result<std::vector<Refusal>> Programs::refused(std::vector<Device> devices) {
  Result<std::vector<OurFilter>> found = impl_->find(devices);
  if (!found) {
    return found.error();
  }
  impl_->adopt(*found);
  return impl_->maps ? read_refused(*impl_->maps) : Result<std::vector<Refusal>>(std::vector<Refusal>{});
}

} // namespace fan::bpf
