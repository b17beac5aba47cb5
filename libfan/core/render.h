// Objects and changes as text that a person would type. The lines of a whole plan, run by sh as root in an empty
// network namespace, do what the plan does (a test holds that).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/object.h"

namespace fan {

// One line that says what the object is: "bridge fan-250-0-28 address 02:fa:fa:00:1c:01 mtu 1450".
std::string describe(const Object& object);

// What this room cannot know: how the BPF programs and the rows of their maps are laid out.
struct RenderContext {
  // The lines in front of the first change that concerns programs or maps, and behind the last one; `plan` is all of
  // it.
  std::function<std::vector<std::string>()> bpf_begin;
  std::function<std::vector<std::string>(const std::vector<Change>& plan)> bpf_end;
  // The lines of one change of a RecordRow, MappingRow, SliceRow, NeverRow, ShortcutRow or Classifier.
  std::function<std::vector<std::string>(const Change&)> bpf;
};

// The `ip`, `tc`, `nft`, `bpftool`, `sysctl` lines of a whole plan, in order. An entry may hold several lines: a
// here-document.
std::vector<std::string> command_lines(const std::vector<Change>& plan, const RenderContext& context);
// The lines of each of several plans, which are run one after the other as one script.
std::vector<std::vector<std::string>> command_lines(const std::vector<std::vector<Change>>& plans,
                                                    const RenderContext& context);

// `text` as one word of sh, quoted only when it has to be.
std::string shell_word(std::string_view text);

} // namespace fan
