#include "linux/nft/printed_rules.h"

#include <utility>

#include "core/ruleset.h"
#include "linux/nft/context.h"
#include "linux/nft/listing.h"

namespace fan::nft {
namespace {

Result<std::string> printed(NftTable table) {
  Result<Context> apart = Context::open(Where::apart);
  if (!apart) {
    return std::move(apart).error();
  }
  if (Result<std::string> loaded = apart->run(ruleset_text(table)); !loaded) {
    return std::move(loaded).error();
  }
  Result<std::string> text = apart->run("list table " + table_words(table));
  if (!text) {
    return std::move(text).error();
  }
  Result<Listing> listing = parse_listing(*text);
  return listing ? Result<std::string>(std::move(listing->rules)) : std::move(listing).error();
}

} // namespace

Result<std::string> PrintedRules::of(NftTable table) {
  const auto known = printed_.find(table);
  if (known != printed_.end()) {
    return known->second;
  }
  Result<std::string> rules = printed(table);
  if (!rules) {
    return std::move(rules).error().within("see how nftables prints the rules of " + table_words(table));
  }
  return printed_.emplace(table, std::move(rules).value()).first->second;
}

} // namespace fan::nft
