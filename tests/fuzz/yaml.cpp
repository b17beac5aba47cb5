// /etc/fanctl/*.yaml and netplan documents: any bytes are an answer with a place, and what is accepted can be recorded.
#include "config/fan_file.h"
#include "property.h"

namespace {

// A host on which a netplan ID can stand for a device, be unknown, or be one that nothing matches.
class SomeDevices : public fan::Devices {
public:
  [[nodiscard]] std::vector<fan::DeviceName> all() const override {
    return {{"eth0", {2, 0, 0, 0, 0, 1}}, {"en1", {2, 0, 0, 0, 0, 2}}, {"en2", {2, 0, 0, 0, 0, 3}}};
  }
  [[nodiscard]] fan::Result<std::optional<std::string>> of_netplan_id(const std::string& id) const override {
    if (id == "broken") {
      return fan::Error{fan::ErrorClass::usage, "this ID stands for no device"};
    }
    return id == "hostlan" ? std::optional<std::string>("eth0") : std::nullopt;
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fans = fan::parse_fan_file(fan::fuzz::text_of(data, size), "f.yaml", SomeDevices());
  if (!fans.ok()) {
    fan::fuzz::require_placed(fans.error());
    return 0;
  }
  for (const fan::FileFan& each : *fans) {
    fan::fuzz::require(each.place.line >= 1, "a fan has its place");
    fan::fuzz::require_round_trip(each.spec);
  }
  return 0;
}
