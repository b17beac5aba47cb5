// daemon.json, which anybody with a text editor wrote, and our own note of what we changed in it.
#include "fanctl/docker/address_pools.h"
#include "fanctl/docker/daemon_json.h"
#include "fanctl/docker/record.h"
#include "property.h"

namespace docker = fan::cli::docker;

namespace {

const fan::Prefix overlay = fan::Prefix::of(fan::Address(0x0a000000U), 8); // where daemon.json's own pools may be
const fan::Prefix underlay = fan::Prefix::of(fan::Address(0xac1e0000U), 16);
const fan::Prefix slice = fan::Prefix::of(fan::Address(0xfa001c00U), 24);

void require_merge_and_back(std::string_view text, const docker::Settings& settings) {
  const auto merged = docker::merge(text, {}, settings);
  if (!merged) {
    fan::fuzz::require(!merged.error().message.empty(), "an error says something");
    return;
  }
  const auto twice = docker::merge(merged->text, merged->changes, settings);
  fan::fuzz::require(twice.ok() && twice->text == merged->text, "a second merge changes nothing");
  const auto restored = docker::restore(merged->text, merged->changes);
  fan::fuzz::require(restored.ok() && restored->kept.empty(), "what was merged can be taken back");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  const auto pools = docker::address_pools(text);
  (void)docker::meeting(pools, overlay, underlay);
  if (const auto record = docker::parse_record(text)) {
    const auto again = docker::parse_record(docker::text_of(*record));
    fan::fuzz::require(again.ok() && *again == *record, "a record survives its own text");
  }
  require_merge_and_back(text, {"fan-250-0-28", 1450, slice, std::nullopt, true});
  require_merge_and_back(text, {"fan-250-0-28", 1450, slice, fan::Prefix::of(fan::Address(0xfa001c80U), 26), false});
  return 0;
}
