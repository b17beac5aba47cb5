// ^C and its like while the host is being changed: they wait, until what is under way has been undone or is done.
#pragma once

#include <optional>

namespace fan::cli {

// From now on SIGINT, SIGTERM and SIGHUP do not end the process. Not those that somebody has blocked before, who wants
// them, nor those that are ignored, as nohup(1) has it and a shell for what runs in the background.
void hold_signals();

// They end it again: one that has come meanwhile does so here.
void release_signals();

// The signal that has come and waits. From the first answer on it is known that work was broken off because of it.
std::optional<int> held_signal();

// Ends the process by that signal, as its caller expects, when work was broken off because of it.
void end_by_held_signal();

} // namespace fan::cli
