// The record of a fan: one line of text that holds everything `show`, `up` and `down` need when nothing else is left.
// It is kept in the kernel twice, in the map of records and in the bridge's ifalias, and either restores the other.
// What is read back is never trusted: anybody may write an alias.
//
//   fanctl/1 WORDS ; host=172.30.0.28 device=eth0 mtu=1480 [bridge=NAME] [was=eth0:0[:2]]... [more]
//
// `bridge` only where it is not the one that the words give. `was` is forwarding before: 0, 1, or off, where it was off
// while the host forwarded; behind it is the device's ifindex, which tells it when it is renamed. Blanks separate; no
// device name can hold one.
#pragma once

#include <string>
#include <string_view>

#include "core/fan.h"
#include "core/result.h"

namespace fan {

inline constexpr int record_version = 1;
inline constexpr std::size_t alias_max =
    254; // the kernel takes 255 (IFALIASZ - 1); `ip link set alias` no more than 254

// parse_record(record_of(f)) is f again, for every fan that validate() accepts.
std::string record_of(const Fan& fan);

// The record if it has at most alias_max bytes; otherwise what identifies the fan, ending in the word "more". A fan
// parsed from such an alias has its mapping, host, device, bridge, MTU, type, port, DHCP, reserve, `auto` and saved
// forwarding, which is what `show` and `down` need, and its origin where there is room; its other options are
// defaults, and it is `in_part`. Of the saved forwarding of more devices than there is room for, some six, the last
// are left out.
std::string alias_of(const Fan& fan);

// Refuses, with class host_state: other programs' text, other versions, anything that is not exactly as above.
Result<Fan> parse_record(std::string_view text);

// True for a text that begins as a record does, of whatever version.
bool is_record(std::string_view text);

// The key of a row that keeps a record while a change replaces it by another one: "~", which no bridge's name begins
// with, and a number that follows from the text.
std::string name_of_change(std::string_view text);
bool is_of_change(std::string_view bridge);

// True for a text that alias_of had to shorten.
bool is_shortened(std::string_view text);

// Why a fan that is `in_part` is left as it is, and what helps. Class host_state.
Error known_in_part(const Fan& fan);

} // namespace fan
