#include "linux/nft/legacy_rule.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>

namespace fan::nft {
namespace {

using firewall::Action;
using firewall::Condition;
using firewall::Rule;
using firewall::Subject;
using Bytes = std::span<const std::byte>;

// Entries are aligned for the kernel's own use; copying is right wherever they stand.
template <class Struct>
bool read(Struct& into, Bytes bytes, std::size_t at = 0) {
  if (at > bytes.size() || bytes.size() - at < sizeof(Struct)) {
    return false;
  }
  std::memcpy(&into, bytes.data() + at, sizeof into);
  return true;
}

template <std::size_t size>
std::string text_of(const char (&field)[size]) {
  return {field, strnlen(field, size)};
}

template <std::size_t size>
void put_device(Rule& rule, Subject subject, const char (&name)[size], const unsigned char (&mask)[size],
                bool negated) {
  std::string text = text_of(name);
  const auto compared =
      static_cast<std::size_t>(std::count_if(mask, mask + size, [](unsigned char m) { return m != 0; }));
  if (compared == 0) {
    return;
  }
  if (compared <= text.size()) { // "eth+": the end of the name is not looked at
    text = text.substr(0, compared) + '*';
  }
  rule.conditions.push_back({subject, negated, {text}, {}});
}

void put_address(Rule& rule, Subject subject, in_addr address, in_addr mask, bool negated) {
  const std::uint32_t bits = ntohl(mask.s_addr);
  const std::uint32_t network = ntohl(address.s_addr) & bits;
  if (bits == 0) {
    return;
  }
  const bool prefix = std::countl_one(bits) + std::countr_zero(bits) == 32;
  rule.conditions.push_back(prefix ? Condition{subject, negated, {}, {{network, network | ~bits}}} : Condition{});
}

void put_header(Rule& rule, const ipt_ip& ip) {
  put_address(rule, Subject::source, ip.src, ip.smsk, (ip.invflags & IPT_INV_SRCIP) != 0);
  put_address(rule, Subject::destination, ip.dst, ip.dmsk, (ip.invflags & IPT_INV_DSTIP) != 0);
  put_device(rule, Subject::in_device, ip.iniface, ip.iniface_mask, (ip.invflags & IPT_INV_VIA_IN) != 0);
  put_device(rule, Subject::out_device, ip.outiface, ip.outiface_mask, (ip.invflags & IPT_INV_VIA_OUT) != 0);
  if (ip.proto != 0) {
    rule.conditions.push_back({Subject::protocol, (ip.invflags & XT_INV_PROTO) != 0, {}, {{ip.proto, ip.proto}}});
  }
  if ((ip.flags & IPT_F_FRAG) != 0) {
    rule.conditions.push_back({});
  }
}

void put_ports(Rule& rule, Subject subject, const __u16 (&ports)[2], bool negated) {
  if (negated || ports[0] != 0 || ports[1] != 0xffff) {
    rule.conditions.push_back({subject, negated, {}, {{ports[0], ports[1]}}});
  }
}

void put_states(Rule& rule, std::uint32_t mask, bool negated) {
  constexpr std::array<std::pair<std::uint32_t, const char*>, 5> states{
      {{XT_CONNTRACK_STATE_INVALID, "invalid"},
       {XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), "established"},
       {XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), "related"},
       {XT_CONNTRACK_STATE_BIT(IP_CT_NEW), "new"},
       {XT_CONNTRACK_STATE_UNTRACKED, "untracked"}}};
  Condition condition{Subject::state, negated, {}, {}};
  for (const auto& [bit, name] : states) {
    if ((mask & bit) != 0) {
      condition.names.emplace_back(name);
    }
  }
  rule.conditions.push_back(condition);
}

bool put_udp(Rule& rule, Bytes data) {
  xt_udp match;
  if (!read(match, data)) {
    return false;
  }
  put_ports(rule, Subject::source_port, match.spts, (match.invflags & XT_UDP_INV_SRCPT) != 0);
  put_ports(rule, Subject::destination_port, match.dpts, (match.invflags & XT_UDP_INV_DSTPT) != 0);
  return true;
}

bool put_tcp(Rule& rule, Bytes data) {
  xt_tcp match;
  if (!read(match, data) || match.option != 0 || match.flg_mask != 0) {
    return false;
  }
  put_ports(rule, Subject::source_port, match.spts, (match.invflags & XT_TCP_INV_SRCPT) != 0);
  put_ports(rule, Subject::destination_port, match.dpts, (match.invflags & XT_TCP_INV_DSTPT) != 0);
  return true;
}

bool put_state(Rule& rule, Bytes data) {
  xt_state_info match;
  if (!read(match, data)) {
    return false;
  }
  put_states(rule, match.statemask, false);
  return true;
}

// Revisions 2 and 3 begin alike; 1 has narrower masks and is not written by any iptables of this decade.
bool put_conntrack(Rule& rule, Bytes data, std::uint8_t revision) {
  xt_conntrack_mtinfo2 match;
  if (revision < 2 || !read(match, data) || (match.match_flags & ~XT_CONNTRACK_STATE_ALIAS) != XT_CONNTRACK_STATE) {
    return false;
  }
  put_states(rule, match.state_mask, (match.invert_flags & XT_CONNTRACK_STATE) != 0);
  return true;
}

bool put_match(Rule& rule, const std::string& name, std::uint8_t revision, Bytes data) {
  if (name == "udp") {
    return put_udp(rule, data);
  }
  if (name == "tcp") {
    return put_tcp(rule, data);
  }
  if (name == "state") {
    return put_state(rule, data);
  }
  return name == "comment" || (name == "conntrack" && put_conntrack(rule, data, revision));
}

void put_matches(Rule& rule, Bytes entry, std::size_t end) {
  for (std::size_t at = sizeof(ipt_entry); at < end;) {
    xt_entry_match match;
    if (!read(match, entry, at) || match.u.match_size < sizeof match || match.u.match_size > end - at) {
      rule.conditions.push_back({});
      return;
    }
    const Bytes data = entry.subspan(at + sizeof match, match.u.match_size - sizeof match);
    if (!put_match(rule, text_of(match.u.user.name), match.u.user.revision, data)) {
      rule.conditions.push_back({});
    }
    at += match.u.match_size;
  }
}

// A verdict that is no offset: -(verdict) - 1, or a return.
Action action_of(int verdict) {
  if (verdict == XT_RETURN) {
    return Action::leave;
  }
  const int said = -(verdict + 1); // of the least int too: anything may stand there
  return said == NF_ACCEPT ? Action::accept : said == NF_DROP ? Action::drop : Action::unknown;
}

void put_standard(Rule& rule, int verdict, bool goes_to, const LegacyChains& chains) {
  if (verdict < 0) {
    rule.action = action_of(verdict);
    return;
  }
  const auto chain = chains.find(static_cast<std::uint32_t>(verdict));
  if (chain != chains.end()) { // else it is the next rule: one that only counts
    rule.action = goes_to ? Action::go_to : Action::jump;
    rule.target = chain->second;
  }
}

constexpr std::array<std::string_view, 12> passing_targets{
    "LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "CT", "AUDIT", "CLASSIFY", "DSCP", "TOS", "CHECKSUM", "NOTRACK"};

std::string target_of(Bytes entry, const ipt_entry& head) {
  xt_entry_target target;
  return read(target, entry, head.target_offset) ? text_of(target.u.user.name) : "?";
}

} // namespace

Rule read_legacy_rule(Bytes entry, const LegacyChains& chains) {
  Rule rule;
  ipt_entry head;
  if (!read(head, entry)) {
    rule.action = Action::unknown;
    return rule;
  }
  put_header(rule, head.ip);
  put_matches(rule, entry, head.target_offset);
  rule.text = target_of(entry, head);
  if (rule.text.empty()) {
    xt_standard_target target;
    put_standard(rule, read(target, entry, head.target_offset) ? target.verdict : 0, (head.ip.flags & IPT_F_GOTO) != 0,
                 chains);
  } else if (rule.text == "REJECT") {
    rule.action = Action::drop;
  } else if (std::find(passing_targets.begin(), passing_targets.end(), rule.text) == passing_targets.end()) {
    rule.action = Action::unknown;
  }
  return rule;
}

std::optional<std::string> legacy_head(Bytes entry) {
  ipt_entry head;
  if (!read(head, entry) || target_of(entry, head) != XT_ERROR_TARGET) {
    return std::nullopt;
  }
  xt_error_target error;
  return read(error, entry, head.target_offset) ? std::optional(text_of(error.errorname)) : std::nullopt;
}

} // namespace fan::nft
