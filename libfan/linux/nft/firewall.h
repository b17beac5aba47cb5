// The firewall's provider: tables `inet fanctl` and `bridge fanctl` as objects. Nothing outside of them is written;
// filters() alone reads more.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/facts.h"
#include "core/firewall_rules.h"
#include "core/object.h"
#include "core/registry.h"
#include "core/result.h"
#include "core/ruleset.h"
#include "linux/nft/context.h"
#include "linux/nft/generation.h"
#include "linux/nft/listing.h"
#include "linux/nft/printed_rules.h"

namespace fan::nft {

// Works in the network namespace of the thread that first calls it. Not for use by two threads at once.
//
// How a Ruleset is known: its version is in the table's comment, and the listing of the rules equals this binary's
// rules word by word (when the version is this binary's own), as they are written or as this host's libnftables prints
// them (printed_rules.h). A table with another comment or none is somebody else's:
// ours = false, version "foreign". Rules that somebody changed, a chain's policy, or a table put to sleep: the version
// with "altered " before it.
//
// A table is listed once for each generation of the kernel's ruleset (generation.h): what was read holds as long as
// nobody else has changed anything. A change of ours in the other table leaves it as it is; what one of elements did is
// or made the table is known, as the kernel takes a transaction whole or not at all.
class Firewall {
public:
  // The Rulesets and every SetElement; nothing of a table that is not there, also on a kernel whose nftables has not
  // its family.
  Result<ObservedSet> observe();

  // What table `bridge fanctl` says of ports; nothing when there is no such table of ours.
  Result<std::optional<Registry>> registry(const Registry& remembered, const std::vector<LinkFact>& links);

  // One transaction of Ruleset and SetElement changes, all or nothing; a table that is made takes two loads
  // (core/ruleset.h, FirewallScript). A changed ruleset keeps all elements that are there: where only rules were
  // altered they are put back in place, otherwise the whole table is replaced, and then counters begin anew
  // (core/ruleset.h, Replacement).
  // Errors: a stale plan (class host_state): what is to be made is there, what is to go or to change is not.
  Result<void> apply(std::span<const Change> transaction);

  // Every filter of this network namespace that IPv4 packets meet, our table apart. Reads only.
  Result<firewall::Filters> filters();

  // What the table's counters have counted, in the ruleset's order; nothing when there is no such table. Those of the
  // firewall count what it drops.
  Result<std::vector<DropCount>> counts(NftTable table);

private:
  struct Known {
    std::optional<Generation> generation; // nothing: somebody has changed the ruleset meanwhile
    std::optional<Listing> listing;       // nothing: there is no such table
  };

  Result<Context*> context();
  // What nft prints; nothing when the table is not there.
  Result<std::optional<std::string>> ask(const std::string& command, const char* doing);
  Result<std::optional<Listing>> list_anew(NftTable table);
  // Lives until the next list() or apply().
  Result<const std::optional<Listing>*> list(NftTable table);
  Result<Observed> observed_ruleset(const Listing& listing, NftTable table);
  // Whether `part` of a listing is the same of our own rules. Fails (class privilege) where that takes CAP_SYS_ADMIN to
  // find out.
  Result<bool> is_ours(const Listing& listing, NftTable table, std::string (*part)(const std::string&));
  Result<Replacement> replacement_for(const Listing& listing, NftTable table);
  Result<FirewallScript> script_for(NftTable table, std::span<const Change> transaction);
  Result<void> load(const std::string& script);
  // `loads`: as many as the transaction took.
  void keep_what_holds(std::span<const Change> transaction, std::uint32_t loads);

  std::optional<Context> context_;
  std::map<NftTable, Known> known_;
  PrintedRules printed_;
};

} // namespace fan::nft
