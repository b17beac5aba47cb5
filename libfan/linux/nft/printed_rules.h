// How the libnftables of this host prints our rules.
#pragma once

#include <map>
#include <string>

#include "core/object.h"
#include "core/result.h"

namespace fan::nft {

// Versions of nftables print one and the same rule in different words. Those that are known are taken for one another
// (listing.h). For the others, where a listing is not as the ruleset is written, it is compared with what the same
// library prints of the same rules.
class PrintedRules {
public:
  // In the form of Listing::rules. Found out once for each table, by loading the rules where no packet comes: in a
  // network namespace of a process that ends with it. Fails (class privilege) without CAP_SYS_ADMIN, which it takes to
  // make one, and (class kernel) where that or the rules cannot be made.
  Result<std::string> of(NftTable table);

private:
  std::map<NftTable, std::string> printed_;
};

} // namespace fan::nft
