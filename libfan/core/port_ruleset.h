// The constant rules of table `bridge fanctl`: what is decided once for each frame that a port of a fan bridge hands
// in, before any copy is made. What differs between hosts is in its sets (core/port_sets.h). Pure text.
#pragma once

#include <string_view>

namespace fan {

// Written exactly as nft 1.0.6 lists them, comments and blank lines apart, as ruleset_rules() is.
std::string_view port_rules();

} // namespace fan
