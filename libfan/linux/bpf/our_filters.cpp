#include "linux/bpf/our_filters.h"

#include <net/if.h>

#include <array>
#include <map>
#include <memory>

namespace fan::bpf {
namespace {

constexpr std::array<Direction, 2> directions{Direction::ingress, Direction::egress};

using KnownMaps = std::map<std::vector<std::uint32_t>, std::shared_ptr<MapSet>>; // by their ids

Result<std::shared_ptr<MapSet>> maps_of(int program, KnownMaps& known) {
  Result<std::vector<std::uint32_t>> ids = map_ids_of_program(program);
  if (!ids) {
    return std::move(ids).error();
  }
  std::shared_ptr<MapSet>& maps = known[*ids];
  if (!maps) {
    Result<MapSet> opened = maps_of_ids(*ids);
    if (!opened) {
      return std::move(opened).error();
    }
    maps = std::make_shared<MapSet>(std::move(*opened));
  }
  return maps;
}

Result<void> append_ours(Filters& filters, const Device& device, Direction direction, KnownMaps& known,
                         std::vector<OurFilter>& found) {
  Result<std::vector<Attached>> programs = find_attached(filters, device.ifindex, direction);
  if (!programs) {
    return std::move(programs).error();
  }
  for (Attached& attached : *programs) {
    Result<std::shared_ptr<MapSet>> maps = maps_of(attached.fd.get(), known);
    if (!maps) {
      return std::move(maps).error();
    }
    found.push_back({device, direction, std::move(attached), std::move(*maps)});
  }
  return {};
}

} // namespace

Result<std::vector<OurFilter>> find_ours(Filters& filters, const std::vector<Device>& devices) {
  std::vector<OurFilter> found;
  KnownMaps known;
  for (const Device& device : devices) {
    for (const Direction direction : directions) {
      if (Result<void> done = append_ours(filters, device, direction, known, found); !done) {
        return std::move(done).error().within("look at device " + device.name);
      }
    }
  }
  return found;
}

std::vector<Device> every_device() {
  std::vector<Device> devices;
  const std::unique_ptr<struct if_nameindex, decltype(&if_freenameindex)> list(if_nameindex(), &if_freenameindex);
  for (const struct if_nameindex* at = list.get(); at != nullptr && at->if_index != 0; ++at) {
    devices.push_back({at->if_index, at->if_name});
  }
  return devices;
}

} // namespace fan::bpf
