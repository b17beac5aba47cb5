#include "linux/nft/legacy_reader.h"

#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "linux/nft/legacy_rule.h"

namespace fan::nft {
namespace {

using firewall::Base;
using firewall::Chain;
using firewall::Hook;
using firewall::Rule;
using firewall::Table;

constexpr std::array<std::pair<const char*, Hook>, legacy_hooks> hooks{{{"PREROUTING", Hook::prerouting},
                                                                        {"INPUT", Hook::input},
                                                                        {"FORWARD", Hook::forward},
                                                                        {"OUTPUT", Hook::output},
                                                                        {"POSTROUTING", Hook::postrouting}}};

// linux/netfilter_ipv4.h, enum nf_ip_hook_priorities.
int priority_of(const std::string& table) {
  return table == "raw" ? -300 : table == "mangle" ? -150 : table == "security" ? 50 : 0;
}

struct Entry {
  std::uint32_t offset;
  std::span<const std::byte> bytes;
};

std::optional<std::vector<Entry>> cut(std::span<const std::byte> entries) {
  std::vector<Entry> cut;
  for (std::size_t at = 0; at < entries.size();) {
    ipt_entry head;
    if (entries.size() - at < sizeof head) {
      return std::nullopt;
    }
    std::memcpy(&head, entries.data() + at, sizeof head);
    if (head.target_offset < sizeof head || head.target_offset > head.next_offset ||
        head.next_offset > entries.size() - at) {
      return std::nullopt;
    }
    cut.push_back({static_cast<std::uint32_t>(at), entries.subspan(at, head.next_offset)});
    at += head.next_offset;
  }
  return cut;
}

LegacyChains user_chains(const std::vector<Entry>& entries) {
  LegacyChains chains;
  for (const Entry& entry : entries) {
    if (const auto name = legacy_head(entry.bytes)) {
      chains.emplace(entry.offset + entry.bytes.size(), *name);
    }
  }
  return chains;
}

class Reader {
public:
  Reader(const LegacyLayout& layout, const std::vector<Entry>& entries)
      : layout_(layout), entries_(entries), chains_(user_chains(entries)) {
    table_.owner = firewall::Owner::iptables_legacy;
    table_.family = "ip";
    table_.name = layout.table;
  }

  Table read() {
    for (const Entry& entry : entries_) {
      enter(entry.offset);
      if (legacy_head(entry.bytes)) {
        chain_ = nullptr; // the next entry enters the chain that this one is the head of
      } else if (chain_ != nullptr) {
        put(entry);
      }
    }
    return std::move(table_);
  }

private:
  void enter(std::uint32_t offset) {
    if (const auto chain = chains_.find(offset); chain != chains_.end()) {
      chain_ = &table_.chains[chain->second];
    }
    for (std::size_t n = 0; n < hooks.size(); ++n) {
      if ((layout_.valid_hooks >> n & 1U) != 0 && layout_.first[n] == offset) {
        chain_ = &table_.chains[hooks[n].first];
        chain_->base = Base{hooks[n].second, priority_of(layout_.table), false};
      }
    }
  }

  void put(const Entry& entry) {
    Rule rule = read_legacy_rule(entry.bytes, chains_);
    for (std::size_t n = 0; n < hooks.size(); ++n) {
      if ((layout_.valid_hooks >> n & 1U) != 0 && layout_.policy[n] == entry.offset && chain_->base) {
        chain_->base->drops = rule.action == firewall::Action::drop;
        return;
      }
    }
    chain_->rules.push_back(std::move(rule));
  }

  const LegacyLayout& layout_;
  const std::vector<Entry>& entries_;
  LegacyChains chains_;
  Table table_;
  Chain* chain_ = nullptr;
};

} // namespace

std::optional<Table> read_legacy(const LegacyLayout& layout, std::span<const std::byte> entries) {
  const auto pieces = cut(entries);
  return pieces ? std::optional(Reader(layout, *pieces).read()) : std::nullopt;
}

} // namespace fan::nft
