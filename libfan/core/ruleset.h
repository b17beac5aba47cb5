// The constant rulesets of this version of fanctl: table `inet fanctl`, the firewall, and table `bridge fanctl`
// (core/port_ruleset.h). What differs between hosts is in their sets (core/firewall_sets.h, core/port_sets.h). Pure
// text; linux/nft loads it and compares what the kernel lists with it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/object.h"
#include "core/result.h"

namespace fan {

// The rules, written exactly as nft 1.0.6 lists them (`nft -y list table`), comments and blank lines apart: so the
// listing itself tells whether anybody changed them.
std::string_view ruleset_rules(NftTable table = NftTable::inet);

// "inet fanctl", "bridge fanctl": how nft names the table.
std::string table_words(NftTable table);

// What the ingress program marks with: such packets the rules do not check again. Taken off by the first rule. Like all
// of ours it means nothing on what comes by a bridge or a port of ours.
inline constexpr std::uint32_t checked_mark = 0x0fa70002;
// Of a tunnel packet that prerouting found to be in its place.
inline constexpr std::uint32_t arrived_mark = 0x0fa70003;
// Of fans that take the shortcut, between the ruleset and the program on the bridge (bpf/fan_abi.h).
inline constexpr std::uint32_t kept_mark = 0x0fa70004;
inline constexpr std::uint32_t left_mark = 0x0fa70005;
// On what came by a bridge or a port of ours with a source that none of its endpoints has: neither this host takes it
// nor does it leave by this host.
inline constexpr std::uint32_t stranger_mark = 0x0fa70006;

// FNV-1a, 64 bit, of ruleset_rules(), 16 hex digits. Kept in the kernel as part of the table's comment.
const std::string& ruleset_version(NftTable table = NftTable::inet);

// The table's comment for a version: "fanctl ruleset 0123456789abcdef".
std::string ruleset_comment(const std::string& version);
// The version in a table's comment; empty when it is not a comment of ours.
std::string ruleset_version_in(std::string_view comment);

// What `nft -f` loads to make the table where there is none; it fails where there is one.
std::string ruleset_text(NftTable table = NftTable::inet);

// How a changed ruleset comes to be.
enum class Replacement {
  rules_only, // where chains and sets are as they should be: sets, elements and counters stay, and no packet sees a
              // moment without rules (0 of 42,000 forged packets in 3,000 replacements)
  whole_table // always right; but each hook has the old and the new chain for a moment, and a packet between the two
              // may be judged by neither (10 of 36,000 in 3,000)
};

// `nft -f` texts, the first to be loaded before the second.
struct FirewallScript {
  std::string sets; // of a table that is made where there is none: its sets and their elements. Else empty
  std::string rest;
};

// What one transaction of Ruleset and SetElement changes in one table; changes of the other table are passed over.
// `kept` are the elements that the table has now; whole_table takes them along. Without a changed ruleset both are
// ignored. A table that is not there yet gets its rules when its sets are full: within one load the kernel has rules at
// work before the elements of sets with intervals of several fields are in them (nf_tables_commit,
// net/netfilter/nf_tables_api.c), and refuses a packet that comes in between (6 of 260,000 in 113 loads under a
// stream). Refuses (class host_state) elements that cannot be said in nft's language without being read as something
// else, such as a device name with a quote in it.
Result<FirewallScript> firewall_script(std::span<const Change> transaction, const std::vector<SetElement>& kept,
                                       Replacement replacement = Replacement::whole_table,
                                       NftTable table = NftTable::inet);

// The sets and maps that the ruleset declares.
bool ruleset_declares(std::string_view set, NftTable table = NftTable::inet);

// The table that a Ruleset or a SetElement belongs to; nothing for other kinds.
std::optional<NftTable> table_of(const Object& object);

} // namespace fan
