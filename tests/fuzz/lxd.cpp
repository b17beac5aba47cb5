// What `lxc network show` printed, or what somebody says it did; and the file that is written of it, which has to be
// read as the same.
#include "config/fan_file.h"
#include "config/lxd_network.h"
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  (void)fan::is_lxd_network(text);
  const auto network = fan::parse_lxd_network(text, "lxd");
  if (!network.ok()) {
    fan::fuzz::require_placed(network.error());
    return 0;
  }
  const fan::NamedSpec written[] = {network->fan};
  const auto fans = fan::parse_fan_file(fan::yaml_of(written), "written.yaml");
  fan::fuzz::require(fans.ok() && fans->size() == 1, "what is written is read");
  fan::FanSpec read = fans->front().spec;
  read.bridge = network->fan.spec.bridge;
  fan::fuzz::require(read == network->fan.spec, "what is written says the same");
  return 0;
}
