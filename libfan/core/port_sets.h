// The sets of table `bridge fanctl`: from what people have said about ports to elements, and back. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/fan.h"
#include "core/object.h"
#include "core/registry.h"

namespace fan {

namespace port_sets {
//                                               element                                       example
// Where the intent is kept:
inline constexpr const char* addresses =
    "addresses"; // port . MAC . address        "veth1" . 02:00:00:00:00:01 . 250.0.28.2
inline constexpr const char* prefixes = "prefixes";     // secured port . network      "veth1" . 10.1.0.0/16
inline constexpr const char* prefixes6 = "prefixes6";   // the same of IPv6            "veth1" . 2001:db8:1::/64
inline constexpr const char* ports = "ports";           // map: port : chain           "veth1" : goto secured
inline constexpr const char* routed = "routed";         // ports of no bridge          "veth1"
inline constexpr const char* forwarded = "forwarded";   // those that forwarded before "veth1"
inline constexpr const char* unlearning = "unlearning"; // those secured that did not learn before "veth1"
inline constexpr const char* quiet = "quiet";           // bridges                     "fan-250-0-28"
inline constexpr const char* allowed = "allowed";       // port . MAC                  "veth1" . 02:00:00:00:00:01
inline constexpr const char* selective = "selective";   // bridges                     "fan-250-0-28"
inline constexpr const char* receivers = "receivers";   // ports                       "veth1"
// What follows from it:
inline constexpr const char* macs = "macs";                         // secured port . MAC
inline constexpr const char* addresses6 = "addresses6";             // secured port . MAC . link-local address
inline constexpr const char* targets6 = "targets6";                 // secured port . link-local address, as a number
inline constexpr const char* target_prefixes6 = "target_prefixes6"; // what prefixes6 has, as ranges of numbers
inline constexpr const char* answered = "answered";                 // what the bridge answers who-has for
inline constexpr const char* restricted = "restricted";             // ports of quiet bridges
inline constexpr const char* secured_verdict = "goto secured";
inline constexpr const char* plain_verdict = "goto plain";
} // namespace port_sets

// What elements of the table say. Of two that contradict each other the first in order counts; what cannot be read is
// left out, so that `show` finds it in the way. Where an element was deleted by hand, `remembered` counts, which is
// what neighbours and entries of bridges say of endpoints, and what is said of a port that `links` have as a bridge's:
// a port stays secured, and a bridge quiet. Without elements all that is remembered is.
Registry registry_of(const std::vector<SetElement>& elements, const Registry& remembered = {},
                     const std::vector<LinkFact>& links = {});

// The bridge of each port, by name.
std::map<std::string, std::string> bridges_of_ports(const std::vector<LinkFact>& links);

// Does `fan` own the address, by its slice or by one that it had before?
bool owns(const Fan& fan, Address address);

} // namespace fan
