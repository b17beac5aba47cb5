// What `up` and `down` did or would do, as text and as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/render.h"
#include "core/result.h"
#include "engine/requests.h"

namespace fan::cli {

struct Report {
  struct Part {
    std::string title; // the request as typed: "up 250.0.0.0/8 eth0/16"
    Outcome outcome;
  };
  std::string command; // "up", "down"
  bool dry_run = false;
  std::vector<Part> parts;
  std::vector<Error> errors;
};

// The commands of a dry run, a comment with the title before those of each part when there are several.
std::string commands_text(const Report& report, const RenderContext& context);

// For -v: the fans and every change, "+" made, "~" changed, "-" removed.
std::string changes_text(const Report& report);

// The document of docs/schema/fanctl-1.json, definition "report". In a dry run it also has the "commands".
std::string report_document(const Report& report, const RenderContext& context);

} // namespace fan::cli
