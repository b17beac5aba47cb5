// The way of a packet as text and as JSON. Pure.
#pragma once

#include <string>

#include "core/trace.h"

namespace fan::cli {

// A line for each hop, and the verdict as the last one.
std::string trace_text(const Trace& trace);

// The document of docs/schema/fanctl-1.json, definition "trace".
std::string trace_document(const Trace& trace);

} // namespace fan::cli
