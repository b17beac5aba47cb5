// The constant ruleset of this version of fanctl: one table, `inet fanctl`. What differs between hosts is in its sets
// (core/firewall_sets.h). Pure text; linux/nft loads it and compares what the kernel lists with it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/object.h"
#include "core/result.h"

namespace fan {

// The rules, written exactly as nft 1.0.6 lists them (`nft -y list table`), comments and blank lines apart: so the
// listing itself tells whether anybody changed them.
std::string_view ruleset_rules();

// What the ingress program marks with: such packets the rules do not check again. Taken off by the first rule.
inline constexpr std::uint32_t checked_mark = 0x0fa70002;
// Of fans that take the shortcut, between the ruleset and the program on the bridge (bpf/fan_abi.h).
inline constexpr std::uint32_t kept_mark = 0x0fa70004;
inline constexpr std::uint32_t left_mark = 0x0fa70005;

// FNV-1a, 64 bit, of ruleset_rules(), 16 hex digits. Kept in the kernel as part of the table's comment.
const std::string& ruleset_version();

// The table's comment for a version: "fanctl ruleset 0123456789abcdef".
std::string ruleset_comment(const std::string& version);
// The version in a table's comment; empty when it is not a comment of ours.
std::string ruleset_version_in(std::string_view comment);

// What `nft -f` loads to make the table where there is none; it fails where there is one.
std::string ruleset_text();

// How a changed ruleset comes to be.
enum class Replacement {
  rules_only, // where chains and sets are as they should be: sets, elements and counters stay, and no packet sees a
              // moment without rules (0 of 42,000 forged packets in 3,000 replacements)
  whole_table // always right; but each hook has the old and the new chain for a moment, and a packet between the two
              // may be judged by neither (10 of 36,000 in 3,000)
};

// The `nft -f` text of one transaction of Ruleset and SetElement changes. `kept` are the elements that are in the
// kernel now; whole_table takes them along. Without a changed ruleset both are ignored. Refuses (class host_state)
// elements that cannot be said in nft's language without being read as something else, such as a device name with a
// quote in it.
Result<std::string> firewall_script(std::span<const Change> transaction, const std::vector<SetElement>& kept,
                                    Replacement replacement = Replacement::whole_table);

// The sets and maps that the ruleset declares.
bool ruleset_declares(std::string_view set);

} // namespace fan
