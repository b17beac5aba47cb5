// Changes of rows and classifiers as `bpftool` and `tc` lines, for --dry-run (core/render.h). The lines load the
// installed object and pin what it holds for as long as they run; nothing stays pinned.
#pragma once

#include <string>
#include <vector>

#include "core/object.h"
#include "linux/bpf/programs.h"
#include "linux/bpf/rows.h"

namespace fan::bpf {

// `maps`: those in use (Programs::maps_in_use()), which the lines then work on; with none, the object's own new ones.
std::vector<std::string> begin_lines(const std::string& object_path, const std::vector<MapId>& maps = {});
// Precondition: the change is of a Classifier, RecordRow, MappingRow, SliceRow, NeverRow or ShortcutRow.
std::vector<std::string> change_lines(const Change& change);
// After all of `changes`: rows that follow from others, those that followed before and no longer do, and the pins.
// `in_use`: what the maps in use hold, `unsaid`: ifindexes of devices that they know and that are none of ours any
// more; nothing where there are none.
std::vector<std::string> end_lines(const std::vector<Change>& changes, const Following& in_use,
                                   const std::vector<std::uint32_t>& unsaid);
// Whether carrying these out also forgets devices that the maps know and no program says anything about.
bool tidies(const std::vector<Change>& changes);

} // namespace fan::bpf
