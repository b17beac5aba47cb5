#include "linux/nft/firewall.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "core/errors.h"
#include "core/port_sets.h"
#include "linux/nft/filters.h"

namespace fan::nft {
namespace {

constexpr NftTable all_tables[] = {NftTable::inet, NftTable::bridge};

std::string whole(const std::string& rules) {
  return rules;
}

// A table as it is when it was made.
Listing listing_as_made(NftTable table) {
  return {ruleset_comment(ruleset_version(table)), comparable(ruleset_rules(table)), {}, {}};
}

// The elements of a listing by set and key.
class Elements {
public:
  explicit Elements(const std::vector<SetElement>& elements) {
    for (const SetElement& element : elements) {
      by_key_.emplace(Key{element.set, element.element}, &element);
    }
  }

  [[nodiscard]] bool holds(const SetElement& wanted) const {
    const auto found = by_key_.find({wanted.set, wanted.element});
    return found != by_key_.end() && found->second->data == wanted.data;
  }
  [[nodiscard]] bool holds_key(const SetElement& wanted) const {
    return by_key_.count({wanted.set, wanted.element}) != 0;
  }

private:
  using Key = std::pair<std::string_view, std::string_view>;
  std::map<Key, const SetElement*> by_key_;
};

Error stale(const std::string& what) {
  return host_error("the firewall changed while fanctl worked: " + what, "run the command again");
}

// nft itself takes an element that is there already for added; the plan's idea of the table has to be right before
// that.
Result<void> check_element(const Change& change, const Elements& there) {
  const auto* before = change.before ? std::get_if<SetElement>(&*change.before) : nullptr;
  const auto* after = change.after ? std::get_if<SetElement>(&*change.after) : nullptr;
  if (before != nullptr && !there.holds(*before)) {
    return stale(key_of(*change.before) + " is gone");
  }
  if (before == nullptr && after != nullptr && there.holds_key(*after)) {
    return stale(key_of(*change.after) + " is there already");
  }
  return {};
}

Result<void> check_ruleset(const Change& change, const std::optional<Listing>& listing, NftTable table) {
  if (change.before.has_value() == listing.has_value()) {
    return {};
  }
  return stale("table " + table_words(table) + (listing ? " is there already" : " is gone"));
}

// Of the changes in this table.
Result<void> check(std::span<const Change> transaction, const std::optional<Listing>& listing, NftTable table) {
  const std::vector<SetElement> none;
  const Elements there(listing ? listing->elements : none);
  for (const Change& change : transaction) {
    if (table_of(change.object()) != table) {
      continue;
    }
    Result<void> good = std::holds_alternative<Ruleset>(change.object()) ? check_ruleset(change, listing, table)
                                                                         : check_element(change, there);
    if (!good) {
      return good;
    }
  }
  return {};
}

// What a transaction changes in a table.
struct Changed {
  bool rules = false;
  std::set<SetElement> gone;
  std::vector<SetElement> come;
};

Changed changed_in(std::span<const Change> transaction, NftTable table) {
  Changed changed;
  for (const Change& change : transaction) {
    if (table_of(change.object()) != table) {
      continue;
    }
    if (std::holds_alternative<Ruleset>(change.object())) {
      changed.rules = true;
      continue;
    }
    if (change.before) {
      changed.gone.insert(std::get<SetElement>(*change.before));
    }
    if (change.after) {
      changed.come.push_back(std::get<SetElement>(*change.after));
    }
  }
  return changed;
}

// Only nftables' own text: a table that is not there, or no inet family, in which there can be no table.
bool means_absent(const Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == EOPNOTSUPP || error.sys_errno == EAFNOSUPPORT;
}

} // namespace

Result<Context*> Firewall::context() {
  if (!context_) {
    Result<Context> opened = Context::open();
    if (!opened) {
      return std::move(opened).error();
    }
    context_ = std::move(opened).value();
  }
  return &*context_;
}

Result<std::optional<std::string>> Firewall::ask(const std::string& command, const char* doing) {
  Result<Context*> opened = context();
  if (!opened) {
    return std::move(opened).error();
  }
  Result<std::string> text = (*opened)->run(command);
  if (!text && !means_absent(text.error())) {
    return std::move(text).error().within(doing);
  }
  return text ? std::optional(std::move(text).value()) : std::nullopt;
}

Result<std::optional<Listing>> Firewall::list_anew(NftTable table) {
  Result<std::optional<std::string>> text = ask("list table " + table_words(table), "list the firewall");
  if (!text || !*text) {
    return text ? Result<std::optional<Listing>>(std::optional<Listing>()) : std::move(text).error();
  }
  Result<Listing> listing = parse_listing(**text);
  if (!listing) {
    return std::move(listing).error();
  }
  for (SetElement& element : listing->elements) {
    element.table = table;
  }
  return std::optional<Listing>(std::move(listing).value());
}

Result<const std::optional<Listing>*> Firewall::list(NftTable table) {
  const std::optional<Generation> before = generation();
  Known& known = known_[table];
  if (before && known.generation == before) {
    return &known.listing;
  }
  known.generation.reset();
  known.listing.reset();
  auto listing = list_anew(table);
  if (!listing) {
    return std::move(listing).error();
  }
  known.listing = std::move(*listing);
  known.generation = before && generation() == before ? before : std::nullopt;
  return &known.listing;
}

// When no other transaction came between, a table is as it was but for what ours did. Of elements that is known, and of
// a table that was not there before.
void Firewall::keep_what_holds(std::span<const Change> transaction, std::uint32_t loads) {
  const std::optional<Generation> now = generation();
  for (auto& [table, known] : known_) {
    const bool alone = now && known.generation && known.generation->after(loads) == *now;
    Changed changed = changed_in(transaction, table);
    known.generation.reset();
    if (!alone || (changed.rules && known.listing)) {
      continue;
    }
    if (changed.rules) {
      known.listing = listing_as_made(table);
    }
    if (known.listing) {
      std::vector<SetElement>& elements = known.listing->elements;
      std::erase_if(elements, [&changed](const SetElement& element) { return changed.gone.count(element) != 0; });
      elements.insert(elements.end(), std::make_move_iterator(changed.come.begin()),
                      std::make_move_iterator(changed.come.end()));
    }
    known.generation = now;
  }
}

Result<bool> Firewall::is_ours(const Listing& listing, NftTable table, std::string (*part)(const std::string&)) {
  const std::string listed = part(listing.rules);
  if (listed == part(comparable(ruleset_rules(table)))) {
    return true;
  }
  const Result<std::string> printed = printed_.of(table);
  if (!printed && printed.error().kind == ErrorClass::privilege) {
    return printed.error(); // somebody else can tell
  }
  return printed && listed == part(*printed); // a host that makes no namespaces has nftables as we know it, or in vain
}

Result<Observed> Firewall::observed_ruleset(const Listing& listing, NftTable table) {
  const std::string version = ruleset_version_in(listing.comment);
  if (version.empty()) {
    return Observed{Ruleset{"foreign", table}, false};
  }
  const Result<bool> as_made = version == ruleset_version(table) ? is_ours(listing, table, whole) : Result<bool>(true);
  return as_made ? Result<Observed>({Ruleset{*as_made ? version : "altered " + version, table}, true})
                 : as_made.error();
}

Result<Replacement> Firewall::replacement_for(const Listing& listing, NftTable table) {
  if (ruleset_version_in(listing.comment) != ruleset_version(table)) {
    return Replacement::whole_table;
  }
  const Result<bool> same_frame = is_ours(listing, table, frame_of);
  return same_frame ? Result<Replacement>(*same_frame ? Replacement::rules_only : Replacement::whole_table)
                    : same_frame.error();
}

Result<ObservedSet> Firewall::observe() {
  ObservedSet seen;
  for (const NftTable table : all_tables) {
    const auto read = list(table);
    if (!read) {
      return read.error();
    }
    if (const std::optional<Listing>& listing = **read) {
      const Result<Observed> ruleset = observed_ruleset(*listing, table);
      if (!ruleset) {
        return ruleset.error();
      }
      seen.emplace(key_of(ruleset->object), *ruleset);
      for (const SetElement& element : listing->elements) {
        seen.emplace(key_of(element), Observed{element, ruleset->ours});
      }
    }
  }
  return seen;
}

Result<std::optional<Registry>> Firewall::registry(const Registry& remembered, const std::vector<LinkFact>& links) {
  const auto read = list(NftTable::bridge);
  if (!read) {
    return read.error();
  }
  const std::optional<Listing>& listing = **read;
  if (!listing || ruleset_version_in(listing->comment).empty()) {
    return std::optional<Registry>();
  }
  return std::optional<Registry>(registry_of(listing->elements, remembered, links));
}

// Empty when the transaction changes nothing in this table.
Result<FirewallScript> Firewall::script_for(NftTable table, std::span<const Change> transaction) {
  const bool concerned = std::any_of(transaction.begin(), transaction.end(),
                                     [&](const Change& change) { return table_of(change.object()) == table; });
  if (!concerned) {
    return FirewallScript();
  }
  const auto read = list(table);
  if (!read) {
    return read.error();
  }
  const std::optional<Listing>& listing = **read;
  if (Result<void> good = check(transaction, listing, table); !good) {
    return std::move(good).error();
  }
  if (!listing) {
    return firewall_script(transaction, {}, Replacement::whole_table, table);
  }
  const Result<Replacement> replacement = replacement_for(*listing, table);
  return replacement ? firewall_script(transaction, listing->elements, *replacement, table) : replacement.error();
}

Result<void> Firewall::load(const std::string& script) {
  Result<Context*> opened = context();
  if (!opened) {
    return std::move(opened).error();
  }
  Result<std::string> loaded = (*opened)->run(script);
  if (!loaded) {
    known_.clear(); // how far the kernel came is not said
    return std::move(loaded).error().within("load the firewall");
  }
  return {};
}

Result<void> Firewall::apply(std::span<const Change> transaction) {
  FirewallScript script;
  std::string undo;
  for (const NftTable table : all_tables) {
    Result<FirewallScript> part = script_for(table, transaction);
    if (!part) {
      return std::move(part).error();
    }
    script.sets += part->sets;
    script.rest += part->rest;
    undo += part->sets.empty() ? "" : "delete table " + table_words(table) + "\n";
  }
  const std::uint32_t loads = script.sets.empty() ? 1 : 2;
  if (!script.sets.empty()) {
    if (Result<void> loaded = load(script.sets); !loaded) {
      return loaded;
    }
  }
  if (Result<void> loaded = load(script.rest); !loaded) {
    if (!undo.empty()) {
      (void)load(undo); // whoever undoes a request looks what is there, and tries again
    }
    return loaded;
  }
  keep_what_holds(transaction, loads);
  return {};
}

Result<firewall::Filters> Firewall::filters() {
  Result<Context*> opened = context();
  return opened ? read_filters(**opened) : std::move(opened).error();
}

// Counting does not make a new generation, so what is known of the table says nothing. Without the elements.
Result<std::vector<DropCount>> Firewall::counts(NftTable table) {
  Result<std::optional<std::string>> text =
      ask("list counters table " + table_words(table), "list the firewall's counters");
  if (!text || !*text) {
    return text ? Result<std::vector<DropCount>>(std::vector<DropCount>()) : std::move(text).error();
  }
  Result<Listing> listing = parse_listing(**text);
  return listing ? std::move(listing->counters) : Result<std::vector<DropCount>>(std::move(listing).error());
}

} // namespace fan::nft
