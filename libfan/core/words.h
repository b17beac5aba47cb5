// The fan as words: OVERLAY UNDERLAY [flags], the 2015 grammar and what was added to it. The command line, the legacy
// file and the record all speak it. Pure: nothing here knows this host.
//
//   dhcp | host-reserve N | auto | bridge NAME | type ipip|vxlan | accept ipip,vxlan | vni N | port N | mtu N | no-nat
//   | expose PREFIX|all | ttl-security HOPS | pool NAME=FIRST-LAST | lease-time TIME | domain DOMAIN | reach | strict
//   | no-isolate | host-access dhcp|all|none | block-metadata | snooping | proxy-arp | secure | shortcut | off
//   | origin FILE
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

inline constexpr std::size_t longest_word = 64; // bytes
inline constexpr std::size_t most_exposed = 16; // so that a record stays below record_max

// Without a `type` word the type is ipip, as in 2015. `words` are free of blanks; any bytes may be in them. With
// `where` an error carries that place, with the column of the word that is wrong: words[i] is taken to be the i-th
// blank-separated word of where->excerpt. Every error is of class usage. Flags may come in any order; only `expose`
// and `pool` may be repeated.
Result<FanSpec> parse_words(std::span<const std::string> words, const TextPlace* where = nullptr);

// "250" is 250.0.0.0/8; otherwise a network with its length.
Result<Prefix> parse_overlay(std::string_view text);

// An address, a device or "default", each with "/16" unless another length is given; an address whose host bits are all
// zero is a network: "172.30.0.0/16". What looks like an address is never a device.
Result<UnderlayRef> parse_underlay(std::string_view text);

// The words that parse back to exactly this spec (if it came from parse_words): as typed, then flags as flags_of says,
// then the origin.
std::vector<std::string> words_of(const FanSpec& spec);

// "all", "dhcp" or "none".
std::string_view name_of(HostAccess access);

// The flags alone, in the order of `show`: dhcp, host-reserve N (always), auto, bridge NAME, then the newer ones. The
// origin is none of them: it is no property of the fan.
std::vector<std::string> flags_of(const FanSpec& spec);

// "A B C".
std::string join_words(std::span<const std::string> words);

// What lies between blanks (space, tab, newline, vertical tab, form feed, carriage return).
std::vector<std::string> split_words(std::string_view text);

} // namespace fan
