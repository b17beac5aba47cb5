// What `fanctl doctor` found, as text and as JSON. Pure.
#pragma once

#include <string>

#include "doctor/check.h"
#include "fanctl/output/json.h"

namespace fan::cli {

// A paragraph for each finding. Notes, what was looked at and what could not be only where `all` is asked for: a
// healthy host prints nothing.
std::string diagnosis_text(const doctor::Findings& findings, bool all);

// {"schema": 1, "command": "doctor", "findings": [...], "checks": [...], "not_looked_at": [...]}
Json diagnosis_json(const doctor::Findings& findings);

} // namespace fan::cli
