// daemon.json, which anybody with a text editor wrote, and our own note of what we changed in it.
#include "fanctl/docker/address_pools.h"
#include "fanctl/docker/daemon_json.h"
#include "fanctl/docker/record.h"
#include "property.h"

namespace docker = fan::cli::docker;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  (void)docker::address_pools(text);
  if (const auto record = docker::parse_record(text)) {
    const auto again = docker::parse_record(docker::text_of(*record));
    fan::fuzz::require(again.ok() && *again == *record, "a record survives its own text");
  }
  docker::Settings settings{"fan-250-0-28", 1450, fan::Prefix::of(fan::Address(0xfa001c00U), 24), std::nullopt, true};
  const auto merged = docker::merge(text, {}, settings);
  if (!merged) {
    fan::fuzz::require(!merged.error().message.empty(), "an error says something");
    return 0;
  }
  const auto twice = docker::merge(merged->text, merged->changes, settings);
  fan::fuzz::require(twice.ok() && twice->text == merged->text, "a second merge changes nothing");
  const auto restored = docker::restore(merged->text, merged->changes);
  fan::fuzz::require(restored.ok() && restored->kept.empty(), "what was merged can be taken back");
  return 0;
}
