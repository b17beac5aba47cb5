// The record in a bridge's ifalias, which anybody may have written.
#include "core/record.h"
#include "core/names.h"
#include "core/object.h"

#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  (void)fan::is_shortened(text);
  const std::string change = fan::name_of_change(text);
  fan::fuzz::require(fan::is_of_change(change) && change.size() <= fan::longest_device_name,
                     "an old record has a name that no bridge has, and that fits where bridges' do");
  const fan::Result<fan::Fan> read = fan::parse_record(text);
  if (!read.ok()) {
    fan::fuzz::require(!read.error().message.empty(), "an error says something");
    return 0;
  }
  fan::fuzz::require(fan::is_record(text), "what is read as a record looks like one");
  fan::fuzz::require(!fan::known_in_part(*read).hint.empty(), "whoever lost options is told what to do");
  const std::string own = fan::record_of(*read);
  const fan::Result<fan::Fan> again = fan::parse_record(own);
  // Defaults that the text did not say can make it too long; validate() lets no such fan be made.
  fan::fuzz::require(own.size() > fan::record_max || (again.ok() && *again == *read), "a fan survives its own record");
  const std::string alias = fan::alias_of(*read);
  fan::fuzz::require(alias.size() <= fan::alias_max, "an alias fits into the kernel's");
  return 0;
}
