// What nftables lists: our own table, and the rules of others.
#include "core/firewall_rules.h"
#include "linux/nft/listing.h"
#include "linux/nft/ruleset_reader.h"
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  const auto listing = fan::nft::parse_listing(text);
  if (listing) {
    const std::string frame = fan::nft::frame_of(listing->rules);
    fan::fuzz::require(frame.size() <= listing->rules.size() + 1, "a frame is a part of the rules");
  } else {
    fan::fuzz::require(!listing.error().message.empty(), "an error says something");
  }
  const std::string once = fan::nft::comparable(text);
  fan::fuzz::require(fan::nft::comparable(once) == once, "what can be compared stays as it is");
  for (const fan::firewall::Table& table : fan::nft::read_ruleset(text)) {
    for (const auto& [name, chain] : table.chains) {
      for (const fan::firewall::Rule& rule : chain.rules) {
        const bool leads = rule.action == fan::firewall::Action::jump || rule.action == fan::firewall::Action::go_to;
        fan::fuzz::require(!leads || !rule.target.empty(), "a jump leads somewhere");
      }
    }
  }
  return 0;
}
