#include "linux/nft/firewall.h"

#include <algorithm>
#include <cerrno>

#include "core/errors.h"
#include "core/ruleset.h"
#include "linux/nft/filters.h"

namespace fan::nft {
namespace {

Observed observed_ruleset(const Listing& listing) {
  const std::string version = ruleset_version_in(listing.comment);
  if (version.empty()) {
    return {Ruleset{"foreign"}, false};
  }
  const bool altered = version == ruleset_version() && listing.rules != comparable(ruleset_rules());
  return {Ruleset{altered ? "altered " + version : version}, true};
}

bool holds(const std::vector<SetElement>& elements, const SetElement& wanted) {
  return std::find(elements.begin(), elements.end(), wanted) != elements.end();
}

bool holds_key(const std::vector<SetElement>& elements, const SetElement& wanted) {
  return std::any_of(elements.begin(), elements.end(), [&](const SetElement& element) {
    return element.set == wanted.set && element.element == wanted.element;
  });
}

Error stale(const std::string& what) {
  return host_error("the firewall changed while fanctl worked: " + what, "run the command again");
}

// nft itself takes an element that is there already for added; the plan's idea of the table has to be right before
// that.
Result<void> check_element(const Change& change, const std::vector<SetElement>& there) {
  const auto* before = change.before ? std::get_if<SetElement>(&*change.before) : nullptr;
  const auto* after = change.after ? std::get_if<SetElement>(&*change.after) : nullptr;
  if (before != nullptr && !holds(there, *before)) {
    return stale(key_of(*change.before) + " is gone");
  }
  if (before == nullptr && after != nullptr && holds_key(there, *after)) {
    return stale(key_of(*change.after) + " is there already");
  }
  return {};
}

Result<void> check_ruleset(const Change& change, const std::optional<Listing>& table) {
  if (change.before.has_value() == table.has_value()) {
    return {};
  }
  return stale(table ? "table inet fanctl is there already" : "table inet fanctl is gone");
}

Result<void> check(std::span<const Change> transaction, const std::optional<Listing>& table) {
  const std::vector<SetElement> none;
  for (const Change& change : transaction) {
    Result<void> good = std::holds_alternative<Ruleset>(change.object())
                            ? check_ruleset(change, table)
                            : check_element(change, table ? table->elements : none);
    if (!good) {
      return good;
    }
  }
  return {};
}

Replacement replacement_for(const Listing& table) {
  const bool same_frame = ruleset_version_in(table.comment) == ruleset_version() &&
                          frame_of(table.rules) == frame_of(comparable(ruleset_rules()));
  return same_frame ? Replacement::rules_only : Replacement::whole_table;
}

Result<std::string> script_for(std::span<const Change> transaction, const std::optional<Listing>& table) {
  return table ? firewall_script(transaction, table->elements, replacement_for(*table))
               : firewall_script(transaction, {});
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

Result<std::optional<Listing>> Firewall::list() {
  Result<Context*> opened = context();
  if (!opened) {
    return std::move(opened).error();
  }
  Result<std::string> text = (*opened)->run(std::string("list table inet ") + table_name);
  if (!text) {
    return means_absent(text.error())
               ? Result<std::optional<Listing>>(std::optional<Listing>())
               : Result<std::optional<Listing>>(std::move(text).error().within("list the firewall"));
  }
  Result<Listing> listing = parse_listing(*text);
  if (!listing) {
    return std::move(listing).error();
  }
  return std::optional<Listing>(std::move(listing).value());
}

Result<ObservedSet> Firewall::observe() {
  Result<std::optional<Listing>> table = list();
  if (!table) {
    return std::move(table).error();
  }
  ObservedSet seen;
  if (*table) {
    const Observed ruleset = observed_ruleset(**table);
    seen.emplace(key_of(ruleset.object), ruleset);
    for (const SetElement& element : (*table)->elements) {
      seen.emplace(key_of(element), Observed{element, ruleset.ours});
    }
  }
  return seen;
}

Result<void> Firewall::apply(std::span<const Change> transaction) {
  Result<std::optional<Listing>> table = list();
  if (!table) {
    return std::move(table).error();
  }
  if (Result<void> good = check(transaction, *table); !good) {
    return good;
  }
  Result<std::string> script = script_for(transaction, *table);
  if (!script) {
    return std::move(script).error();
  }
  Result<std::string> loaded = (*context())->run(*script);
  return loaded ? Result<void>() : Result<void>(std::move(loaded).error().within("load the firewall"));
}

Result<firewall::Filters> Firewall::filters() {
  Result<Context*> opened = context();
  return opened ? read_filters(**opened) : std::move(opened).error();
}

Result<std::vector<DropCount>> Firewall::drops() {
  Result<std::optional<Listing>> table = list();
  if (!table) {
    return std::move(table).error();
  }
  return *table ? (*table)->counters : std::vector<DropCount>();
}

} // namespace fan::nft
