// Objects and changes as text that a person would type. The lines of a whole plan, run by sh as root in an empty network
// namespace, do what the plan does (a test holds that).
#pragma once

#include <string>
#include <vector>

#include "core/object.h"

namespace fan {

// One line that says what the object is: "bridge fan-250-0-28 address 02:fa:fa:00:1c:01 mtu 1450".
std::string describe(const Object& object);

// What the lines of a plan need to know besides the plan.
struct RenderContext {
  std::string bpf_object; // path of the installed fanctl.bpf.o
};

// The `ip`, `tc`, `bridge`, `nft`, `bpftool`, `sysctl` lines of a whole plan, in order. Several lines may belong to one change,
// and a line may be a here-document of nft.
std::vector<std::string> command_lines(const std::vector<Change>& plan, const RenderContext& context);

} // namespace fan
